"""The reach is never nearer than a distance at which the runs are surely above the threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from posharness_reports.measures.reach import FEWEST, Reach, reach

Array = ndarray[Any, Any]
POSITIONS = np.array([2.0, 3.0, 4.0, 8.0])


def found(accuracy: Array, total: Array, runs: int) -> Reach:
    """The reach of runs that all have this accuracy."""
    counts = np.tile(total.astype(float), (runs, 1))
    return reach(np.round(accuracy * counts), counts, counts, np.zeros(len(total)), POSITIONS)


@pytest.mark.parametrize("runs", [1, 3])
def test_joined_buckets_do_not_hide_a_near_one_that_is_surely_above(runs: int) -> None:
    total = np.array([45, 40, 200, 200])
    assert total[0] < FEWEST
    fell = found(np.array([1.0, 0.2, 0.1, 0.1]), total, runs)
    assert fell.length >= 2
    assert fell.low >= 2
    assert fell.low <= fell.length <= fell.high < 4


def test_a_run_that_is_right_at_the_shortest_distance_does_not_fall_below_there() -> None:
    fell = found(np.array([1.0, 0.2, 0.1, 0.1]), np.array([20, 40, 200, 200]), 1)
    assert fell.length == 2
    assert fell.low == 0  # 20 predictions say little


def test_a_far_bucket_that_is_above_does_not_make_up_for_a_near_one_that_is_below() -> None:
    fell = found(np.array([0.3, 1.0, 1.0, 0.1]), np.full(4, 200), 3)
    assert fell == Reach(0.0, 0.0, 0.0)
    assert found(np.array([0.1, 0.1, 0.1, 0.1]), np.array([20, 40, 200, 200]), 3).length == 0


def test_what_is_surely_above_at_the_longest_distance_is_censored() -> None:
    assert found(np.ones(4), np.full(4, 200), 3) == Reach(np.inf, np.inf, np.inf)


@pytest.mark.parametrize("runs", [1, 3])
def test_a_last_bucket_that_is_above_does_not_make_up_for_means_that_are_below(runs: int) -> None:
    # None of the nearer ones is surely below, and their mean is.
    fell = found(np.array([0.84, 0.85, 0.84, 1.0]), np.full(4, 60), runs)
    assert fell.length < POSITIONS[-1]
    assert fell.low < POSITIONS[-1]
