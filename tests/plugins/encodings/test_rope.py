"""Rotary scores equal products of complex numbers, and depend on differences alone."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from posharness.contracts import Direction, Incompatible
from posharness_plugins.encodings.rope import Rope

HEAD_WIDTH = 10


def literal(base: float) -> Callable[..., Tensor]:
    """Equation 12 of 2104.09864: Re Σ_c q_c·conj(k_c)·e^{i(m−n)θ_c}, with q_c, k_c complex."""

    def score(h: int, q: Tensor, k: Tensor, i: float, j: float) -> Tensor:
        total = torch.zeros(())
        for c in range(len(q) // 2):
            turn = cmath.exp(1j * (i - j) * base ** (-2 * c / len(q)))
            product = torch.complex(*q[2 * c : 2 * c + 2]) * torch.complex(*k[2 * c : 2 * c + 2]).conj()
            total = total + (product * turn).real
        return total / math.sqrt(len(q))

    return score


@pytest.mark.parametrize("base", [10000.0, 37.0])
def test_scores_equal_complex_products(
    place_of: Callable[..., Any], agrees: Callable[..., None], direction: Direction, base: float
) -> None:
    place = place_of(direction, head_width=HEAD_WIDTH)
    encoding = Rope(place.geometry, base=base)
    agrees(encoding, place, literal(base))
    assert encoding.slots == {"rotate"}


def test_fractional_ids_turn_by_fractions(
    place_of: Callable[..., Any], agrees: Callable[..., None], direction: Direction
) -> None:
    place = place_of(direction, head_width=HEAD_WIDTH)
    agrees(
        Rope(place.geometry), replace(place, pos_q=place.pos_q / 4, pos_k=place.pos_k / 4), literal(10000.0)
    )


def test_only_differences_count(place_of: Callable[..., Any], mixed_by: Callable[..., Tensor]) -> None:
    place = place_of("bidirectional", head_width=HEAD_WIDTH)
    encoding = Rope(place.geometry)
    shifted = replace(place, pos_q=place.pos_q + 100, pos_k=place.pos_k + 100)
    torch.testing.assert_close(mixed_by(encoding, shifted), mixed_by(encoding, place), atol=1e-5, rtol=1e-5)
    assert encoding.shift_invariant


def test_an_odd_head_is_incompatible(place: Any) -> None:
    with pytest.raises(Incompatible, match="must be even; got 7"):
        Rope(place.geometry)
