"""Intervals and tests against closed forms, another library, and simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import permutation_test
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from posharness_reports.measures.statistics import (
    cluster_bootstrap,
    generator,
    holm,
    interval,
    normalised,
    sign_flip,
    stratified_bootstrap,
    wilson,
)


@pytest.mark.parametrize(("correct", "total"), [(0, 7), (3, 7), (7, 7), (52, 1013)])
def test_wilson_agrees_with_statsmodels(correct: int, total: int) -> None:
    assert np.allclose(wilson(correct, total), proportion_confint(correct, total, method="wilson"))


def test_wilson_of_no_predictions_is_unknown() -> None:
    low, high = wilson(np.array([0, 1]), np.array([0, 2]))
    assert np.isnan([low[0], high[0]]).all()
    assert 0 < low[1] < 0.5 < high[1] < 1


def test_normalised_score_is_0_at_chance_1_at_best_and_unknown_without_room() -> None:
    scores = normalised(np.array([0.25, 1.0, 0.1, 1.0]), np.array([0.25, 0.25, 0.25, 1.0]))
    assert scores[:3] == pytest.approx([0.0, 1.0, -0.2])
    assert math.isnan(scores[3])


def _runs(rng: np.random.Generator, runs: int, sequences: int, spread: float) -> list[np.ndarray]:
    """Right predictions of 4 in each sequence, around a mean accuracy of .6 that differs between runs."""
    levels = np.clip(0.6 + spread * rng.standard_normal(runs), 0.02, 0.98)
    return [rng.binomial(4, level, size=(sequences, 1)).astype(float) for level in levels]


def _coverage(runs: int, spread: float) -> float:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        correct = _runs(rng, runs, 23, spread)
        total = [np.full_like(c, 4.0) for c in correct]
        low, high = interval(cluster_bootstrap(correct, total, rng=rng, draws=300))
        covered += bool(low[0] <= 0.6 <= high[0])
    return covered / 200


def test_bootstrap_covers_the_mean_over_runs_when_there_are_many_runs() -> None:
    assert 0.88 <= _coverage(runs=12, spread=0.1) <= 0.99


def test_bootstrap_undercovers_with_two_runs_as_reports_say() -> None:
    assert _coverage(runs=2, spread=0.1) < 0.85


def test_bootstrap_of_one_run_is_about_wilson() -> None:
    right = (np.arange(400) % 5 > 0).astype(float)[:, None]
    low, high = interval(cluster_bootstrap([right], [np.ones_like(right)], rng=generator("one")))
    assert [low[0], high[0]] == pytest.approx([float(end) for end in wilson(320, 400)], abs=0.012)


def test_bootstrap_counts_each_run_once_however_many_predictions_it_made() -> None:
    few, many = np.zeros((5, 1)), np.full((50, 1), 4.0)
    redrawn = cluster_bootstrap([few, many], [few + 1, many], rng=generator("weights"), draws=4000)
    assert set(np.unique(redrawn)) == {0.0, 0.5, 1.0}
    assert redrawn.mean() == pytest.approx(0.5, abs=0.03)


def test_bootstrap_keeps_buckets_apart_and_knows_an_empty_one() -> None:
    correct = np.array([[3.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    total = np.array([[3.0, 3.0, 0.0], [3.0, 3.0, 0.0]])
    redrawn = cluster_bootstrap([correct], [total], rng=generator("buckets"), draws=11)
    assert redrawn.shape == (11, 3)
    assert (redrawn[:, 0] == 1).all()
    assert (redrawn[:, 1] == 0).all()
    low, high = interval(redrawn)
    assert math.isnan(low[2])
    assert math.isnan(high[2])


def test_bootstrap_repeats_for_the_same_purpose_only() -> None:
    rng = np.random.default_rng(5)
    correct = _runs(rng, 3, 17, 0.1)
    total = [np.full_like(c, 4.0) for c in correct]
    first, again, other = (
        cluster_bootstrap(correct, total, rng=generator("length", name), draws=50) for name in "aab"
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("p", [[], [0.3], [0.04, 0.01, 0.03], [0.5, 0.5, 0.001, 0.2, 0.9]])
def test_holm_agrees_with_statsmodels(p: list[float]) -> None:
    expected = multipletests(p, method="holm")[1] if p else []
    assert holm(p) == pytest.approx(list(expected))


def test_signs_are_flipped_as_scipy_flips_them() -> None:
    effects = np.array([0.3, -0.1, 0.25, 0.05, 0.4, -0.02, 0.17])
    expected = permutation_test((effects,), np.mean, permutation_type="samples", vectorized=True).pvalue
    assert sign_flip([effects], rng=generator("test")) == pytest.approx(expected)


def test_no_p_is_below_that_of_the_two_patterns_in_which_all_signs_agree() -> None:
    for n in (1, 5, 6, 14):
        assert sign_flip([np.full(n, 0.2)], rng=generator("test")) == pytest.approx(2 / 2**n)


def test_drawn_signs_come_near_to_all_of_them() -> None:
    strata = [generator("effects", i).normal(0.1, 0.3, 3) for i in range(5)]
    exact = [np.array([strata[i][j] for j in range(3)]) for i in range(5)]
    effects = np.concatenate(exact)
    signs = 1.0 - 2.0 * (np.arange(2**15)[:, None] >> np.arange(15) & 1)
    expected = (np.abs(signs @ effects) >= abs(effects.sum()) - 1e-12).mean()
    assert sign_flip(strata, rng=generator("test")) == pytest.approx(expected, abs=0.02)


def test_strata_count_alike_however_many_runs_they_hold() -> None:
    strata = [np.array([0.0, 0.2]), np.full(9, 0.5)]
    draws = stratified_bootstrap(strata, rng=generator("test"), draws=4000)
    assert draws.mean() == pytest.approx(0.3, abs=0.005)
    assert set(np.round(draws, 9)) == {0.25, 0.3, 0.35}
