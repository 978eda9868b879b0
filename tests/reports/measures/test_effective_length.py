"""The effective dependency length of scores whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from posharness_reports.measures.effective_length import effective_length

POSITIONS = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


@pytest.mark.parametrize(
    ("scores", "length", "censored"),
    [
        ([1.0, 0.95, 0.9, 0.92, 0.99], 16.0, True),
        ([0.89, 1.0, 1.0, 1.0, 1.0], 0.0, False),
        # Half of the way down from 1 to .8 lies half-way between 4 and 8 on a logarithmic axis.
        ([1.0, 1.0, 1.0, 0.8, 1.0], 4 * math.sqrt(2), False),
        ([1.0, 0.9, 0.0, 0.0, 0.0], 2.0, False),
    ],
)
def test_effective_length(scores: list[float], length: float, censored: bool) -> None:
    found, cut = effective_length(np.array(scores), POSITIONS, 16.0)
    assert float(found) == pytest.approx(length)
    assert bool(cut) is censored


def test_effective_length_of_many_draws_at_once() -> None:
    scores = np.array([[1.0, 1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0], [0.0] * 5, [1, np.nan, 1, 1, 1]])
    lengths, censored = effective_length(scores, POSITIONS, 16.0)
    assert lengths[:3] == pytest.approx([2 * 2**0.1, 16.0, 0.0])
    assert math.isnan(lengths[3])
    assert censored.tolist() == [False, True, False, False]
