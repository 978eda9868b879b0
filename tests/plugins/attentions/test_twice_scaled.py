"""Twice-scaled attention divides the whole score by √d once more than softmax attention does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from x_transformers.attend import Attend

from posharness.contracts import SLOTS, BoundSlots
from posharness_plugins.attentions.softmax import Softmax
from posharness_plugins.attentions.twice_scaled import TwiceScaled

Fixture = Callable[..., Any]


def test_equals_the_formula(
    case_of: Fixture, literal: Fixture, softmax: Fixture, equal: Fixture, parity: Fixture
) -> None:
    case = case_of()

    def weights(row: Any) -> list[Tensor]:
        scores = row.encoded([(row.q * k).sum() / math.sqrt(11) for k in row.keys])
        return softmax([s / math.sqrt(11) for s in scores])

    attention = TwiceScaled(case.geometry)
    ours = attention(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, literal(case, weights), case.leaves)
    parity("twice_scaled", reference="softmax((QKᵀ/√d)/√d)V, element by element", difference=found)
    assert attention.slots == set(SLOTS)


def test_equals_x_transformers_at_another_scale(case_of: Fixture, equal: Fixture, parity: Fixture) -> None:
    case = case_of(rewrites=False)
    bias = None if case.bias is None else case.bias / math.sqrt(11)
    theirs, seen = Attend(scale=1 / 11)(case.q, case.k, case.v, mask=case.mask, attn_bias=bias)
    if case.offsets is not None:
        theirs = theirs + seen.post_softmax_attn @ case.offsets
    ours = TwiceScaled(case.geometry)(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, theirs, case.leaves)
    parity("twice_scaled", reference="x-transformers: Attend, scale 1/d", difference=found)


@pytest.mark.parametrize("bound", ["nothing"], indirect=True)
def test_queries_that_are_wider_by_the_root_of_d_give_softmax_attention(case_of: Fixture) -> None:
    case = case_of()
    torch.testing.assert_close(
        TwiceScaled(case.geometry)(case.q * math.sqrt(11), case.k, case.v, case.mask, BoundSlots()),
        Softmax(case.geometry)(case.q, case.k, case.v, case.mask, BoundSlots()),
    )
