"""Stick-breaking attention: each key, from the nearest backwards, takes a share of the remaining weight."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, arange
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from posharness.contracts import SLOTS, Attention, BoundSlots, Geometry
from posharness_plugins.attentions._blocks import block_sizes, hiding, of_sequences, parts
from posharness_plugins.attentions._explicit import attend
from posharness_plugins.attentions._order import own_key

BLOCK = 2**16
"""Scores of a block."""


class StickBreaking(Attention):
    """out_i = Σ_(j<i) A_ij·v_j with A_ij = σ(s_ij)·Π_(j<t<i) (1 − σ(s_it)), s_ij = q_i·k_j/√d + bias_ij.

    2410.17980, section 2. As in the paper, a token does not attend to itself, so the first token gets zeros.
    `current=True` includes the token's own key (j ≤ i and t ≤ i), an option of the authors' code. The weights
    sum to at most 1. The authors' language models give the remaining weight to a learned vector; here it is
    dropped.

    Computed in log space and float32: since log σ(s) = s + log(1 − σ(s)), log A_ij = s_ij − Σ_(j≤t<i) log(1 +
    e^(s_it)). The sum starts at the nearest key, so that large weights are not differences of large sums.

    The order of keys is that of their indices, not of their positions. Queries are the last tokens of the
    sequence of keys. Causal only. Keys that the mask hides take no weight. Honours every slot.
    """

    name = "stick_breaking"
    summary = "Each key, from the nearest backwards, takes a share of the remaining weight (Tan et al.)"
    paper = "arXiv:2410.17980"
    slots = frozenset(SLOTS)
    supports_cross_attention = False
    queries = "last"
    directions = frozenset({"causal"})

    def __init__(self, geometry: Geometry, *, current: bool = False) -> None:
        super().__init__(geometry)
        self.current = current

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        return attend((q / math.sqrt(q.shape[-1])) @ k.mT, v, mask, slots, self._break)

    def _break(
        self, s: Float[Tensor, "b h q k"], mask: Bool[Tensor, "#b 1 q k"] | None
    ) -> Float[Tensor, "b h q k"]:
        queries, keys = s.shape[-2:]
        own = own_key(queries, keys, s.device)
        index = arange(keys, device=s.device)
        before = (index <= own if self.current else index < own)[None, None]  # 1 1 q k
        visible = before if mask is None else mask & before
        weights: Tensor = _Shares.apply(s, visible)  # type: ignore[no-untyped-call]
        return weights


class _Shares(torch.autograd.Function):
    """The weights of scores; with a_ij = dA_ij·A_ij, ds_ij = a_ij − σ(s_ij)·Σ_(t≤j) a_it."""

    @staticmethod
    def forward(ctx: Any, s: Tensor, visible: Tensor) -> Tensor:
        weights = s.new_empty(s.shape, dtype=torch.promote_types(s.dtype, torch.float32))
        for few, some, part in _blocks(s, visible):
            rest = softplus(part).flip(-1).cumsum(-1).flip(-1)
            weights[few, :, some] = part.sub_(rest).exp_()
        ctx.save_for_backward(s, visible, weights)
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        s, visible, weights = ctx.saved_tensors
        d_s = torch.empty_like(s)
        for few, some, part in _blocks(s, visible):
            taken = gradient[few, :, some] * weights[few, :, some]
            d_s[few, :, some] = taken.addcmul(part.sigmoid_(), taken.cumsum(-1), value=-1)
        return d_s, None


def _blocks(
    s: Float[Tensor, "b h q k"], visible: Bool[Tensor, "#b 1 q k"]
) -> Iterator[tuple[slice, slice, Float[Tensor, "c h r k"]]]:
    """Some sequences, some queries, and their scores; −∞ takes no weight and leaves the rest unchanged."""
    rows, sequences = block_sizes(s.shape, BLOCK)
    for some in parts(s.shape[2], rows):
        for few in parts(len(s), sequences):
            part = s[few, :, some]
            part = part.to(torch.promote_types(part.dtype, torch.float32))
            yield few, some, part + hiding(of_sequences(visible, few)[:, :, some], part.dtype)
