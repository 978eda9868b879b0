"""Intervals cover what they promise, and reports are seldom wrong: simulated, with bounds that can fail."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from tests.benchmarks.simulate_statistics import (
    COVERAGE,
    FALSE,
    PAGE,
    SEEDS,
    Reports,
    censored_reach,
    false_statements,
    found_effects,
    one_run_coverage,
    outcomes,
    read,
)

DRAWS = 150
SLACK = 3 * (0.95 * 0.05 / DRAWS) ** 0.5
"""Three standard errors of a share of 150 draws."""

TWO_PEAKS = "two peaks"


def _rows(name: str) -> Iterator[list[str]]:
    """The rows of a simulated table of the page, without its head."""
    lines = [line for line in _simulated(name).splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [field.strip() for field in line.strip("|").split("|")]


def _simulated(name: str) -> str:
    """What is simulated under a name on the page."""
    found = re.search(rf"<!-- simulated: {name} -->\n(.*?)<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def _share(text: str) -> float:
    return float(text.removesuffix(" %")) / (100 if text.endswith("%") else 1)


@pytest.mark.parametrize(("kind", "regime"), COVERAGE)
def test_an_interval_of_three_runs_covers(kind: str, regime: str) -> None:
    share = COVERAGE[kind, regime](3, np.random.default_rng(3), DRAWS)
    lowest = 0.7 if (kind, regime) == ("accuracy", TWO_PEAKS) else 0.93
    assert share >= lowest - SLACK
    if kind == "accuracy" and regime == TWO_PEAKS:
        assert share < 0.9  # as the page says
    if kind == "normalised accuracy":
        assert share <= 0.97 + SLACK


@pytest.mark.parametrize("together", [0, 0.9])
def test_the_interval_of_one_run_covers_also_if_its_tokens_go_together(together: float) -> None:
    share = one_run_coverage(0.8, together, np.random.default_rng(5), 400)
    assert 0.91 <= share <= 0.99


def test_a_reach_beyond_the_longest_distance_is_told_as_such() -> None:
    assert censored_reach(3, np.random.default_rng(7), 60) >= 0.9


@pytest.mark.parametrize(
    ("tasks", "objectives", "seeds"),
    [(1, 1, 3), (1, 3, 2), (3, 1, 3), pytest.param(8, 1, 3, marks=pytest.mark.proofs)],
)
@pytest.mark.parametrize("regime", FALSE)
def test_copies_of_one_encoding_are_seldom_told_apart(
    regime: str, tasks: int, objectives: int, seeds: int
) -> None:
    share = false_statements(regime, tasks, objectives, seeds, np.random.default_rng(9), 80)
    assert share <= 0.05 + 3 * (0.05 * 0.95 / 80) ** 0.5


@pytest.mark.parametrize(("tasks", "objectives", "seeds"), [(1, 1, 2), (3, 2, 3)])
@pytest.mark.parametrize("size", [0.0, 0.05, 0.5])
def test_what_is_simulated_is_what_a_report_computes(
    tasks: int, objectives: int, seeds: int, size: float
) -> None:
    rng = np.random.default_rng(17)
    reports = Reports(tasks, seeds, objectives)
    for spread in (0.02, 0.16):
        values = outcomes("mid-range", size, spread, reports.shape, rng)
        assert read(values) == reports.read(values)


def test_a_clear_effect_is_found_and_a_small_one_is_not() -> None:
    rng = np.random.default_rng(13)
    assert found_effects(0.3, 0.03, 3, rng, 20)[0] >= 0.9
    assert sum(found_effects(0.05, 0.05, 5, rng, 40)) <= 0.15
    assert found_effects(0.0, 0.015, 5, rng, 20)[1] >= 0.8


def test_the_page_has_the_tables_and_they_keep_the_promises() -> None:
    rows = {(kind, regime): [*map(float, shares)] for kind, regime, *shares in _rows("coverage")}
    assert set(rows) == set(COVERAGE)
    for (_, regime), shares in rows.items():
        assert len(shares) == len(SEEDS)
        if regime != TWO_PEAKS:
            assert min(shares[1:]) >= 0.92  # from three seeds, with the error of the simulation
    assert all(_share(text) >= 0.9 for (*shares,) in _rows("censored") for text in shares)
    for regime in ("mid-range", "ceiling", TWO_PEAKS):
        name = f"false, {regime}"
        drawn = re.search(r"Of (\d+) reports each, (\d+) with 15 tasks", _simulated(name))
        assert drawn is not None
        for tasks, _, *shares in _rows(name):
            slack = 3 * (0.95 * 0.05 / int(drawn[2 if tasks == "15" else 1])) ** 0.5
            assert len(shares) == len(SEEDS)
            assert all(_share(text) <= 0.05 + slack for text in shares)
    assert len([*_rows("power")]) == 7
    assert len([*_rows("one-run")]) == 3
    assert len([*_rows("censored")]) == 1
