"""Runs that add seeds until they are decided are seldom wrong over all looks, and take fewer runs."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.simulate_looks import LOOKS, PAGE, SETTINGS, simulate

DRAWS = 40


def test_copies_are_seldom_told_apart_at_any_look_and_given_up_early() -> None:
    found = simulate(SETTINGS["copies of one encoding"], np.random.default_rng(1), DRAWS)
    assert sum(run.false for run in found) <= 6  # .05 or less of 40 gives 7 or more in one of 500 cases
    most = 2 * 3 * LOOKS.seeds[-1]
    assert np.mean([run.runs for run in found]) < 0.7 * most


def test_a_large_effect_is_found_with_few_runs() -> None:
    found = simulate(SETTINGS["better by .2, runs alike"], np.random.default_rng(1), 10)
    assert all(run.found and not run.false for run in found)
    assert np.mean([run.looks for run in found]) < len(LOOKS.seeds)


def test_the_page_has_no_rate_above_the_promised_one() -> None:
    text = PAGE.read_text("utf-8").partition("<!-- simulated: looks -->")[2].partition("<!-- end -->")[0]
    rows = [[field.strip() for field in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]
    assert {row[0].partition(":")[0] for row in rows} <= SETTINGS.keys()
    assert len(rows) > 3
    for row in rows:
        assert float(row[1].removesuffix(" %")) <= 5, row
