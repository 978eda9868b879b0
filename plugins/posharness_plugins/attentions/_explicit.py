"""Attention with its weights written out: the order in which an encoding and a mask act on the scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from posharness.contracts import BoundSlots

Weigh = Callable[[Float[Tensor, "b h q k"], Bool[Tensor, "#b 1 q k"] | None], Float[Tensor, "b g q k"]]
"""(scores, mask) -> weights, 0 wherever a query may not see a key."""


def apply_mask(
    s: Float[Tensor, "#b h q k"], mask: Bool[Tensor, "#b 1 q k"] | None
) -> Float[Tensor, "#b h q k"]:
    """The scores with −∞ wherever a query may not see a key."""
    return s if mask is None else s.masked_fill(~mask, float("-inf"))


def softmax_weights(
    s: Float[Tensor, "b h q k"], mask: Bool[Tensor, "#b 1 q k"] | None
) -> Float[Tensor, "b h q k"]:
    """Weights by softmax over the keys that are seen."""
    return torch.softmax(apply_mask(s, mask), -1)


def with_encoding(s: Float[Tensor, "b h q k"], slots: BoundSlots) -> Float[Tensor, "b h q k"]:
    """The scores with what the encoding's `bias` and `scores` do to them."""
    if slots.bias is not None:
        s = s + slots.bias.to(s.dtype)
    return s if slots.scores is None else slots.scores(s)


def attend(
    s: Float[Tensor, "b h q k"],
    v: Float[Tensor, "b g k d"],
    mask: Bool[Tensor, "#b 1 q k"] | None,
    slots: BoundSlots,
    weigh: Weigh = softmax_weights,
) -> Float[Tensor, "b g q d"]:
    """Mix values by scores: bias, scores slot, mask, weights, mix, values slot, in this order.

    Args:
        s: the attention's own scores, before the encoding; of h heads, which `weigh` may make g heads of.
    """
    weights = weigh(with_encoding(s, slots), mask).to(v.dtype)
    out = weights @ v
    return out if slots.values is None else slots.values(out, weights)
