"""Looks at results while seeds are added: when they are, and the rate of false statements over them all."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from posharness.errors import UserError
from posharness.planning.looks import ALPHA, FEWEST, Looks, planned_looks


@pytest.mark.parametrize(("first", "most"), [(3, 12), (3, 5), (5, 30), (1, 3)])
def test_looks_grow_from_the_first_to_the_last(first: int, most: int) -> None:
    seeds = planned_looks(first, most).seeds
    assert seeds[0] == max(first, FEWEST)
    assert seeds[-1] == most
    assert list(seeds) == sorted(set(seeds))


def test_fewer_seeds_than_the_first_look_are_refused() -> None:
    with pytest.raises(UserError, match="first look is at 5 seeds"):
        planned_looks(5, 4)


@pytest.mark.parametrize("seeds", [(3, 5, 8, 12), (3, 20), (4, 5, 6, 7, 8, 9)])
def test_over_all_looks_the_rate_is_what_a_single_look_may_spend(seeds: tuple[int, ...]) -> None:
    levels = np.asarray(Looks(seeds).levels)
    # Of one comparison among many that share the rate; then it is as strict as a test of that one alone.
    part = 0.1
    rng = np.random.default_rng(4)
    steps = rng.normal(size=(400_000, len(seeds))) * np.sqrt(np.diff(seeds, prepend=0))
    z = np.abs(steps.cumsum(1)) / np.sqrt(seeds)
    boundary = [NormalDist().inv_cdf(1 - part * level / 2) for level in levels]
    rate = float((z > boundary).any(1).mean())
    assert rate == pytest.approx(part * ALPHA, rel=0.08)  # about three and a half standard errors
    assert (z[:, -1] > NormalDist().inv_cdf(1 - part * ALPHA / 2)).mean() == pytest.approx(rate, rel=0.1)


def test_a_single_look_spends_all_and_an_early_one_little() -> None:
    assert Looks((7,)).level == pytest.approx(ALPHA, rel=1e-3)
    levels = Looks((3, 5, 8, 12)).levels
    assert levels == tuple(sorted(levels))
    assert levels[0] < ALPHA / 5
    assert ALPHA / 2 < levels[-1] < ALPHA


def test_what_needs_far_more_seeds_than_there_are_is_given_up_after_the_first_look() -> None:
    first, second = Looks((3, 5, 8), 1), Looks((3, 5, 8), 2)
    assert not first.hopeless(None)
    assert second.hopeless(None)
    assert second.hopeless(20)
    assert not second.hopeless(19)
