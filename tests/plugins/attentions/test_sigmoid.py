"""Sigmoid attention equals equation 3 of 2409.04431, for both meanings of n."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from x_transformers.attend import Attend

from posharness.contracts import SLOTS, BoundSlots
from posharness_plugins.attentions.sigmoid import Sigmoid

Fixture = Callable[..., Any]
TRAINED = 13


@pytest.mark.parametrize("n", ["training", "visible"])
def test_equals_the_formula(
    case_of: Fixture, literal: Fixture, equal: Fixture, parity: Fixture, n: Any
) -> None:
    case = case_of()

    def weights(row: Any) -> list[Tensor]:
        b = -math.log(TRAINED if n == "training" else len(row.seen))
        scores = row.encoded([(row.q * k).sum() / math.sqrt(11) for k in row.keys])
        return [1 / (1 + torch.exp(-(s + b))) for s in scores]

    attention = Sigmoid(case.geometry, n=n)
    ours = attention(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, literal(case, weights), case.leaves)
    parity("sigmoid", reference=f"2409.04431, equation 3 (n={n})", difference=found)
    assert attention.slots == set(SLOTS)


def test_equals_x_transformers(case_of: Fixture, equal: Fixture, parity: Fixture) -> None:
    case = case_of(rewrites=False)
    bias = torch.zeros(1, 3, 5, 7) if case.bias is None else case.bias
    theirs, seen = Attend(sigmoid=True)(
        case.q, case.k, case.v, mask=case.mask, attn_bias=bias - math.log(TRAINED)
    )
    if case.offsets is not None:
        theirs = theirs + seen.post_softmax_attn @ case.offsets
    ours = Sigmoid(case.geometry)(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, theirs, case.leaves)
    parity("sigmoid", reference="x-transformers: Attend, sigmoid", difference=found)


def test_weights_of_equal_scores_sum_up_to_about_one_at_any_length(place: Any) -> None:
    sums = {}
    for length in (17, 1009):
        zeros = torch.zeros(1, 3, length, 7)
        causal = torch.ones(1, 1, length, length, dtype=torch.bool).tril()
        sums[length] = Sigmoid(place.geometry, n="visible")(zeros, zeros, zeros + 1, causal, BoundSlots())
    # n·σ(−log n) = n/(n + 1)
    expected = torch.arange(1, 1010) / torch.arange(2, 1011)
    torch.testing.assert_close(sums[1009][0, 0, :, 0], expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(sums[1009][:, :, :17], sums[17])
