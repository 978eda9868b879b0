"""Softmax attention equals its formula on the fused and on the written-out path."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from x_transformers.attend import Attend

from posharness.contracts import SLOTS, BoundSlots
from posharness_plugins.attentions.softmax import Softmax

Fixture = Callable[..., Any]


def test_equals_the_formula(
    case_of: Fixture, literal: Fixture, softmax: Fixture, equal: Fixture, parity: Fixture
) -> None:
    case = case_of()

    def weights(row: Any) -> list[Tensor]:
        return softmax(row.encoded([(row.q * k).sum() / math.sqrt(11) for k in row.keys]))

    ours = Softmax(case.geometry)(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, literal(case, weights), case.leaves)
    parity("softmax", reference="1706.03762, equation 1", difference=found)


def test_equals_x_transformers(case_of: Fixture, equal: Fixture, parity: Fixture) -> None:
    case = case_of(rewrites=False)
    theirs, seen = Attend()(case.q, case.k, case.v, mask=case.mask, attn_bias=case.bias)
    if case.offsets is not None:
        theirs = theirs + seen.post_softmax_attn @ case.offsets
    ours = Softmax(case.geometry)(case.q, case.k, case.v, case.mask, case.slots)
    parity("softmax", reference="x-transformers: Attend", difference=equal(ours, theirs, case.leaves))


def test_values_slot_gets_the_mix_and_weights_that_sum_to_one(case_of: Fixture) -> None:
    case = case_of()

    def values(out: Tensor, weights: Tensor) -> Tensor:
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
        assert case.mask is None or not weights[~case.mask.expand_as(weights)].any()
        torch.testing.assert_close(out, weights @ case.v)
        return out + 1

    attention = Softmax(case.geometry)
    torch.testing.assert_close(
        attention(case.q, case.k, case.v, case.mask, BoundSlots(values=values)),
        attention(case.q, case.k, case.v, case.mask, BoundSlots()) + 1,
    )


class Fused(TorchFunctionMode):
    """Counts the calls of the fused kernel."""

    calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += func is functional.scaled_dot_product_attention
        return func(*args, **(kwargs or {}))


def test_the_fused_kernel_is_used_exactly_where_it_can_be(place: Any) -> None:
    bias = torch.randn(1, *place.q.shape[1:3], place.k.shape[2], generator=torch.Generator().manual_seed(2))
    attention = Softmax(place.geometry)
    for slots, fused in [
        (BoundSlots(), 1),
        (BoundSlots(bias=bias), 1),
        (BoundSlots(scores=lambda s: s), 0),
        (BoundSlots(values=lambda out, weights: out), 0),
    ]:
        with Fused() as kernel:
            attention(place.q, place.k, place.v, None, slots)
        assert kernel.calls == fused
    assert attention.slots == set(SLOTS)
