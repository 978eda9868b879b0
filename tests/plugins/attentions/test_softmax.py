"""Softmax attention equals its formula on the fused and on the written-out path."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from posharness.contracts import SLOTS, BoundSlots
from posharness_plugins.attentions import softmax

B, H, Q, K, D = 2, 3, 5, 7, 11


def tensors(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]


def masks() -> dict[str, Tensor | None]:
    padding = torch.ones(B, 1, Q, K, dtype=torch.bool)
    padding[1, ..., 4:] = False
    causal = (torch.arange(K) <= torch.arange(K - Q, K)[:, None])[None, None]
    return {"none": None, "causal": causal, "padding": padding, "both": causal & padding}


def literal(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    scores: Callable[[Tensor], Tensor],
) -> Tensor:
    out = torch.zeros(B, H, Q, D)
    for b in range(B):
        for h in range(H):
            for i in range(Q):
                see = [j for j in range(K) if mask is None or bool(mask[b % len(mask), 0, i, j])]
                s = [(q[b, h, i] * k[b, h, j]).sum() / math.sqrt(D) for j in see]
                if bias is not None:
                    s = [x + bias[b % len(bias), h, i, j] for x, j in zip(s, see, strict=True)]
                powers = [scores(x).exp() for x in s]
                mix = [p / sum(powers) * v[b, h, j] for p, j in zip(powers, see, strict=True)]
                out[b, h, i] = torch.stack(mix).sum(0)
    return out


@pytest.mark.parametrize("mask", masks().values(), ids=masks())
@pytest.mark.parametrize("biased", [None, 1, B], ids=["no bias", "one bias", "a bias each"])
@pytest.mark.parametrize("rewritten", [False, True])
def test_equals_the_formula(
    place: Any, equal: Callable[..., None], mask: Tensor | None, biased: int | None, rewritten: bool
) -> None:
    q, k, v, bias = tensors((B, H, Q, D), (B, H, K, D), (B, H, K, D), (biased or 1, H, Q, K))
    slots = BoundSlots(
        bias=None if biased is None else bias, scores=(lambda s: 2 * torch.tanh(s)) if rewritten else None
    )
    ours = softmax.Softmax(place.geometry)(q, k, v, mask, slots)
    reference = literal(
        q, k, v, mask, slots.bias, (lambda s: 2 * torch.tanh(s)) if rewritten else (lambda s: s)
    )
    equal(ours, reference, [q, k, v] if biased is None else [q, k, v, bias])


def test_values_slot_gets_the_mix_and_weights_that_sum_to_one(place: Any) -> None:
    q, k, v = tensors((B, H, Q, D), (B, H, K, D), (B, H, K, D))
    mask = masks()["both"]

    def values(out: Tensor, weights: Tensor) -> Tensor:
        torch.testing.assert_close(weights.sum(-1), torch.ones(B, H, Q))
        assert mask is not None
        assert not weights[~mask.expand_as(weights)].any()
        torch.testing.assert_close(out, weights @ v)
        return out + 1

    attention = softmax.Softmax(place.geometry)
    torch.testing.assert_close(
        attention(q, k, v, mask, BoundSlots(values=values)), attention(q, k, v, mask, BoundSlots()) + 1
    )


class Fused(TorchFunctionMode):
    """Counts the calls of the fused kernel."""

    calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += func is functional.scaled_dot_product_attention
        return func(*args, **(kwargs or {}))


def test_the_fused_kernel_is_used_exactly_where_it_can_be(place: Any) -> None:
    q, k, v, bias = tensors((B, H, Q, D), (B, H, K, D), (B, H, K, D), (1, H, Q, K))
    attention = softmax.Softmax(place.geometry)
    for slots, fused in [
        (BoundSlots(), 1),
        (BoundSlots(bias=bias), 1),
        (BoundSlots(scores=lambda s: s), 0),
        (BoundSlots(values=lambda out, weights: out), 0),
    ]:
        with Fused() as kernel:
            attention(q, k, v, None, slots)
        assert kernel.calls == fused
    assert attention.slots == set(SLOTS)
