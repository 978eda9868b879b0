"""Multiplicative attention equals equations 7 and 8 of 1508.04025."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from x_transformers.attend import Attend

from posharness.contracts import SLOTS, Geometry
from posharness_plugins.attentions.multiplicative import Multiplicative

Fixture = Callable[..., Any]


def test_general_equals_the_formula(
    case_of: Fixture,
    literal: Fixture,
    softmax: Fixture,
    gently: Fixture,
    equal: Fixture,
    parity: Fixture,
) -> None:
    case = case_of()
    attention = gently(Multiplicative(case.geometry))
    (w,) = attention.parameters()

    def weights(row: Any) -> list[Tensor]:
        return softmax(row.encoded([sum(row.q * (w[row.head] * k).sum(1)) for k in row.keys]))

    ours = attention(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, literal(case, weights), [*case.leaves, w])
    parity("multiplicative", reference="1508.04025, equation 8, general", difference=found)
    assert attention.slots == set(SLOTS) - {"rotate"}


def test_dot_equals_x_transformers_unscaled(case_of: Fixture, equal: Fixture, parity: Fixture) -> None:
    case = case_of(rewrites=False)
    attention = Multiplicative(case.geometry, form="dot")
    theirs, seen = Attend(scale=1.0)(case.q, case.k, case.v, mask=case.mask, attn_bias=case.bias)
    if case.offsets is not None:
        theirs = theirs + seen.post_softmax_attn @ case.offsets
    ours = attention(case.q, case.k, case.v, case.mask, case.slots)
    found = equal(ours, theirs, case.leaves)
    parity("multiplicative", reference="x-transformers: Attend, scale 1 (form=dot)", difference=found)
    assert attention.slots == set(SLOTS)
    assert not list(attention.parameters())


@pytest.mark.parametrize("width", [16, 64])
def test_scores_start_at_unit_variance(width: int) -> None:
    torch.manual_seed(0)
    attention = Multiplicative(Geometry(width=32 * width, heads=32, length=8, direction="causal"))
    q, k = torch.randn(2, 32, 128, width, generator=torch.Generator().manual_seed(1))
    assert attention.weight is not None
    assert float((q @ attention.weight.detach() @ k.mT).std()) == pytest.approx(1, abs=0.05)
