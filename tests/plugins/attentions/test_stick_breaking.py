"""Stick-breaking attention equals the process of 2410.17980, one break after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.contracts import SLOTS, BoundSlots, Geometry
from posharness_plugins.attentions.stick_breaking import StickBreaking

Fixture = Callable[..., Any]


@pytest.mark.parametrize("masked", ["causal", "causal and padding"], indirect=True)
@pytest.mark.parametrize("current", [False, True])
def test_equals_the_process(
    case_of: Fixture, literal: Fixture, equal: Fixture, parity: Fixture, current: bool
) -> None:
    case = case_of()

    def weights(row: Any) -> list[Tensor]:
        left, shares = torch.ones(()), []
        scores = row.encoded([(row.q * k).sum() / math.sqrt(11) for k in row.keys])
        for j, s in reversed(list(zip(row.seen, scores, strict=True))):
            share = torch.sigmoid(s) if j < row.own or current else torch.zeros(())
            shares.append(left * share)
            left = left * (1 - share)
        return shares[::-1]

    attention = StickBreaking(case.geometry, current=current)
    ours = attention(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, literal(case, weights), case.leaves)
    parity("stick_breaking", reference="2410.17980, section 2, break by break", difference=found)
    assert attention.slots == set(SLOTS)
    assert attention.directions == {"causal"}


def place(length: int) -> tuple[StickBreaking, Tensor]:
    causal = torch.ones(1, 1, length, length, dtype=torch.bool).tril()
    return StickBreaking(Geometry(width=5, heads=1, length=length, direction="causal")), causal


@pytest.mark.parametrize("size", [0.0, 3.0, 300.0, -300.0])
def test_weights_sum_up_to_one_at_most_and_gradients_are_finite(size: float) -> None:
    attention, causal = place(211)
    q = size * torch.randn(1, 1, 211, 5, generator=torch.Generator().manual_seed(1))
    q = q.requires_grad_()
    sums = attention(q, q, torch.ones(1, 1, 211, 5), causal, BoundSlots())
    sums.sum().backward()
    assert q.grad is not None
    assert q.grad.isfinite().all()
    assert float(sums.detach().max()) <= 1 + 1e-5
    assert float(sums.detach().min()) >= 0


def test_the_first_token_gets_nothing_unless_it_attends_to_itself() -> None:
    attention, causal = place(3)
    x = torch.randn(1, 1, 3, 5, generator=torch.Generator().manual_seed(1))
    assert not attention(x, x, x, causal, BoundSlots())[:, :, 0].any()
    current = StickBreaking(attention.geometry, current=True)
    share = torch.sigmoid((x[0, 0, 0] ** 2).sum() / math.sqrt(5))
    torch.testing.assert_close(current(x, x, x, causal, BoundSlots())[0, 0, 0], share * x[0, 0, 0])


def test_a_share_is_exact_however_much_was_taken_far_away() -> None:
    """One key takes nearly all, 200 after it next to nothing: its weight is a product of 200 factors."""
    attention, causal = place(202)
    s = torch.full((1, 1, 202, 202), -7.0)
    s[..., 0] = 4.0
    zeros = torch.zeros(1, 1, 202, 5)
    values = torch.zeros(1, 1, 202, 5)
    values[:, :, 0] = 1
    out = attention(zeros, zeros, values, causal, BoundSlots(bias=s))
    expected = 1 / (1 + math.exp(-4)) * (1 - 1 / (1 + math.exp(7))) ** 200
    assert float(out[0, 0, -1, 0]) == pytest.approx(expected, rel=1e-5)
