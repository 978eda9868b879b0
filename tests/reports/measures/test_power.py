"""The seeds that a report asks for are enough, and no fewer are where exchanging runs sets a floor."""

from __future__ import annotations

from itertools import count as counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posharness_reports.compile.undecided import is_open, missing_seeds
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.comparison import Effect, Together, arms, effect, floor_p, with_pools
from posharness_reports.measures.power import MOST, at_most, more_seeds
from posharness_reports.measures.ranking import Pair, corrected, p_of, rank_all
from posharness_reports.measures.statistics import ALPHA, holm, open_levels


def _runs(mean: float, spread: float, runs: int) -> list[float]:
    """Runs with exactly this mean and this standard deviation."""
    unit = np.linspace(-1.0, 1.0, runs)
    return list(mean + spread * unit / unit.std(ddof=1))


def _effect(
    tasks: int, runs: dict[str, int], spread: float, gap: float, *, members: int = 1, more: int = 0
) -> Effect:
    """Of a and, as one side, b0, b1, …, on tasks on which the labels have these runs, and so many more."""
    rows = [
        (f"t{task}", "p", label, seed, value)
        for task in range(tasks)
        for label, own in runs.items()
        for seed, value in enumerate(_runs(gap * (label == "a"), spread, own + more))
    ]
    held = with_pools(arms(pd.DataFrame(rows, columns=["task", "part", "label", "seed", "value"]), "task"))
    one = {task: own["a"] for task, own in held.items()}
    other = {task: Together(tuple(own[f"b{i}"] for i in range(members))) for task, own in held.items()}
    found = effect(one, other)
    assert found is not None
    return found


@st.composite
def comparisons(draw: st.DrawFn, fewest: int = 2) -> tuple[int, int, dict[str, int]]:
    """The number of tasks and of members of the second side, and the runs of each label."""
    tasks, members, beside = (draw(st.integers(low, high)) for low, high in ((1, 2), (1, 3), (0, 3)))
    labels = ["a", *(f"b{i}" for i in range(members)), *(f"c{i}" for i in range(beside))]
    return tasks, members, {label: draw(st.integers(fewest, 7)) for label in labels}


@given(comparisons(), st.floats(0.002, 0.2), st.floats(0.05, 1.0), st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_so_many_seeds_pass_the_floor_and_fewer_never_do(
    setting: tuple[int, int, dict[str, int]], spread: float, gap: float, tests: int
) -> None:
    tasks, members, runs = setting
    level = ALPHA / tests
    now = _effect(tasks, runs, spread, gap, members=members)
    found = at_most(more_seeds(now, 0.0, level), now)
    if found is None:
        return
    assert 1 <= found <= MOST
    assert floor_p(*_effect(tasks, runs, spread, gap, members=members, more=found).sides) <= level
    # Runs that all agree and are as far apart as can be are decided as soon as the floor allows it.
    sure = int(more_seeds(_effect(tasks, runs, 0.0, 1.0, members=members), 0.0, level))
    assert sure <= found
    if floor_p(*_effect(tasks, runs, 0.0, 1.0, members=members, more=sure - 1).sides) > level:
        for fewer in range(sure):
            again = _effect(tasks, runs, 0.0, 1.0, members=members, more=fewer)
            assert p_of(again, *again.sides) > level


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.integers(2, 7), st.floats(0.01, 0.2),
    st.floats(0.1, 1.0), st.integers(1, 300),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_with_so_many_seeds_of_the_same_mean_and_spread_it_is_decided(
    tasks: int, members: int, beside: int, seeds: int, spread: float, gap: float, tests: int
) -> None:
    labels = ["a", *(f"b{i}" for i in range(members)), *(f"c{i}" for i in range(beside))]
    runs = dict.fromkeys(labels, seeds)
    level = ALPHA / tests
    now = _effect(tasks, runs, spread, gap, members=members)
    found = at_most(more_seeds(now, 0.0, level), now)
    if found is not None:
        again = _effect(tasks, runs, spread, gap, members=members, more=found)
        assert p_of(again, *again.sides) <= level


def test_seeds_of_a_group_are_those_of_each_member() -> None:
    alone, group = (
        more_seeds(_effect(1, dict.fromkeys(labels, 3), 0.1, 0.3, members=len(labels) - 1), 0.0, 0.05)
        for labels in (["a", "b0"], ["a", "b0", "b1", "b2"])
    )
    assert group <= alone < MOST


def _pairs(seeds: dict[str, int], tasks: int) -> list[Pair]:
    """All pairs of rankings of labels that are 1 or 0 in each run."""
    rows = [
        {"decoding": "teacher-forced", "scope": scope, "posed": f"t{task}", "task": f"t{task}",
         "objective": "o", "part": f"t{task}", "label": label, "seed": seed, "value": float(label == "a")}
        for task in range(tasks) for scope in SCOPES for label, own in seeds.items() for seed in range(own)
    ]  # fmt: skip
    found = rank_all(pd.DataFrame(rows))
    return [pair for ranking in (*found.overall.values(), *found.each.values()) for pair in ranking.pairs]


@pytest.mark.parametrize("first", [{"a": 3, "b": 3}, {"a": 2, "b": 4}, {"a": 2, "b": 2}, {"a": 3, "b": 7}])
def test_a_pair_that_cannot_be_decided_sooner_does_not_ask_for_one_seed_for_ever(
    first: dict[str, int],
) -> None:
    for more in counter():
        pairs = _pairs({label: own + more for label, own in first.items()}, 1)
        if all(pair.p <= ALPHA for pair in pairs):
            break
        missing = {missing_seeds(pair, len(pairs), ALPHA) for pair in pairs if pair.p > ALPHA}
        if not more:
            promised = missing
        assert missing == {number - more for number in promised if number}
    assert promised == {more}


@pytest.mark.parametrize("difference", [0.0, 0.01])
def test_labels_that_are_alike_ask_for_the_seeds_that_show_it(difference: float) -> None:
    """With so many, a pair is closed with the probability that is told, though it is not told apart."""

    def pairs_with(seeds: int, rng: np.random.Generator | None) -> list[Pair]:
        rows = [
            {"decoding": "teacher-forced", "scope": SCOPES[0], "posed": "t", "task": "t", "objective": "o",
             "part": "t", "label": label, "seed": seed, "value": value}
            for label, mean in (("a", 0.8 + difference), ("b", 0.8))
            for seed, value in enumerate(
                _runs(mean, 0.03, seeds) if rng is None else rng.normal(mean, 0.03, seeds)
            )
        ]  # fmt: skip
        found = rank_all(pd.DataFrame(rows))
        return [pair for ranking in found.each.values() for pair in ranking.pairs]

    (now,) = pairs_with(4, None)
    assert is_open(now, 1, ALPHA)
    missing = missing_seeds(now, 1, ALPHA)
    assert missing is not None
    rng = np.random.default_rng(7)
    closed = [not is_open(*pairs_with(4 + missing, rng), 1, ALPHA) for _ in range(200)]
    assert 0.7 <= np.mean(closed) <= 0.95
    (after,) = pairs_with(4 + missing, None)
    assert after.p > ALPHA


def test_the_level_of_a_pair_is_that_of_the_correction_for_all_rankings() -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"decoding": "teacher-forced", "scope": SCOPES[0], "posed": task, "task": task, "objective": "o",
         "part": task, "label": label, "seed": seed, "value": mean + rng.normal(0, 0.05)}
        for task in "tuv" for label, mean in zip("abcd", (0.9, 0.8, 0.75, 0.2), strict=True)
        for seed in range(4)
    ]  # fmt: skip
    found = rank_all(pd.DataFrame(rows))
    families = [[pair for ranking in family.values() for pair in ranking.pairs]
                for family in (found.overall, found.each)]  # fmt: skip
    every = [pair for family in families for pair in family]
    undecided = [place for place, pair in enumerate(every) if pair.p > ALPHA]
    assert 0 < len(undecided) < len(every)
    for place in undecided:
        for factor, expected in ((0.999, True), (1.001, False)):
            p = [pair.alone for pair in every]
            p[place] = factor * every[place].level
            again = corrected(p[: len(families[0])], p[len(families[0]) :])
            assert (again[place] <= ALPHA) == expected


@given(
    st.lists(st.tuples(st.floats(1e-6, 1.0), st.sampled_from([0.01, 0.1, 0.5])), min_size=1, max_size=8),
    st.data(),
)
def test_holm_decides_next_at_the_level_that_is_left(
    tests: list[tuple[float, float]], data: st.DataObject
) -> None:
    p, weights = zip(*tests, strict=True)
    decided = [value <= ALPHA for value in holm(p, weights)]
    place = data.draw(st.integers(0, len(p) - 1))
    level = ALPHA * open_levels(decided, weights)[place]
    for factor, expected in ((0.999, True), (1.001, False)):
        changed = [factor * level if i == place else value for i, value in enumerate(p)]
        if not decided[place]:
            assert (holm(changed, weights)[place] <= ALPHA) == expected
