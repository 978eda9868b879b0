"""Intervals and tests against closed forms and other libraries; their coverage is in `test_coverage`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway
from statsmodels.stats.proportion import proportion_confint

from posharness_reports.measures.comparison import arms, effect, improvement
from posharness_reports.measures.power import more_seeds
from posharness_reports.measures.run_counts import RunCounts, mean_with_interval
from posharness_reports.measures.statistics import (
    Estimate,
    across_runs,
    bounded_mean,
    exact,
    heterogeneity,
    holm,
    normalised,
    run_mean,
    wilson,
    within_run,
)


@pytest.mark.parametrize(("correct", "total"), [(0, 7), (3, 7), (7, 7), (52, 1013)])
def test_wilson_agrees_with_statsmodels(correct: int, total: int) -> None:
    assert np.allclose(wilson(correct, total), proportion_confint(correct, total, method="wilson"))


def test_wilson_of_no_predictions_is_unknown() -> None:
    low, high = wilson(np.array([0, 1]), np.array([0, 2]))
    assert np.isnan([low[0], high[0]]).all()
    assert 0 < low[1] < 0.5 < high[1] < 1


def test_a_count_has_the_exact_interval() -> None:
    expected = stats.binomtest(3, 5).proportion_ci(method="exact")
    assert exact(3, 5) == pytest.approx((expected.low, expected.high))


def test_normalised_score_is_0_at_chance_1_at_best_and_unknown_without_room() -> None:
    scores = normalised(np.array([0.25, 1.0, 0.1, 1.0]), np.array([0.25, 0.25, 0.25, 1.0]))
    assert scores[:3] == pytest.approx([0.0, 1.0, -0.2])
    assert math.isnan(scores[3])


def test_in_the_middle_the_interval_across_runs_is_students() -> None:
    means = np.array([[0.5], [0.52], [0.47], [0.51]])
    low, high = across_runs(means, np.array([4000.0]))
    expected = stats.ttest_1samp(means[:, 0], 0).confidence_interval(0.95)
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=0.002)


def test_an_interval_across_runs_stays_inside_0_and_1_and_needs_two_runs() -> None:
    means = np.array([[0.99, 0.02, 0.9, np.nan], [1.0, 0.0, np.nan, np.nan], [0.94, 0.2, np.nan, np.nan]])
    low, high = across_runs(means, np.full(4, 300.0))
    assert (low[:2] >= 0).all()
    assert (high[:2] <= 1).all()
    assert np.isnan(low[2:]).all()


@pytest.mark.parametrize("runs", [(0.015, -0.010, 0.021), (-0.43, -0.36, -0.41), (0.2, 0.26, 0.17)])
def test_the_interval_of_normalised_accuracy_has_no_floor_at_0(runs: tuple[float, ...]) -> None:
    _, low, high = bounded_mean(np.array(runs))
    expected = stats.ttest_1samp(runs, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_normalised_accuracy_has_no_step_at_half_of_the_way_and_ends_at_1() -> None:
    runs = np.array([0.42, 0.5, 0.58])
    assert bounded_mean(runs - 1e-4)[1:] == pytest.approx(bounded_mean(runs + 1e-4)[1:], abs=1e-3)
    _, low, high = bounded_mean(np.array([0.99, 0.9, 1.0]))
    assert high == 1
    assert low < stats.ttest_1samp([0.99, 0.9, 1.0], 0).confidence_interval(0.95).low
    assert Estimate(-0.4, 0.05, 2.0).inside() == Estimate(-0.4, 0.05, 2.0).interval()


def test_runs_that_all_agree_are_not_certain() -> None:
    low, high = across_runs(np.ones((3, 1)), np.array([90.0]))
    assert (low[0], high[0]) == pytest.approx(wilson(90, 90))


def test_sequences_are_the_unit_inside_a_run() -> None:
    whole = np.repeat([[4.0], [0.0]], [30, 20], axis=0)
    low, high = within_run(whole, np.full_like(whole, 4.0))
    expected = wilson(30, 50)
    assert (low[0], high[0]) == pytest.approx(expected, abs=0.015)
    assert high[0] - low[0] > 1.8 * np.subtract(*wilson(120, 200)[::-1])


def test_means_over_runs_count_each_run_once_and_keep_buckets_apart() -> None:
    few = RunCounts(0, np.zeros((5, 2)), np.array([[1.0, 0.0]] * 5))
    many = RunCounts(1, np.full((50, 2), 4.0), np.array([[4.0, 4.0]] * 50))
    mean, low, _ = mean_with_interval([few, many])
    assert mean.tolist() == [0.5, 1.0]
    assert low[1] == pytest.approx(wilson(50, 50)[0])
    none = RunCounts(0, np.zeros((5, 1)), np.zeros((5, 1)))
    assert np.isnan([end[0] for end in mean_with_interval([none])]).all()


def test_differences_have_students_interval_over_runs_and_over_the_sequences_of_one() -> None:
    values = np.array([[0.3], [-0.1], [0.5], [0.2]])
    (_, low, high) = mean_with_interval([RunCounts(0, values, np.ones((4, 1)))], proportion=False)
    expected = stats.ttest_1samp(values[:, 0], 0).confidence_interval(0.95)
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))
    runs = [RunCounts(i, value[None], np.ones((1, 1))) for i, value in enumerate(values)]
    (_, low, high) = mean_with_interval(runs, proportion=False)
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))


def _frame(by_label: dict[str, dict[tuple[str, str], list[float]]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"task": task, "part": part, "label": label, "seed": seed, "value": value}
            for label, held in by_label.items()
            for (task, part), row in held.items()
            for seed, value in enumerate(row)
        ]
    )


def test_one_task_is_welchs_t_test() -> None:
    one, two = [0.7, 0.8, 0.95], [0.3, 0.35, 0.1, 0.2]
    held = arms(_frame({"a": {("t", "p"): one}, "b": {("t", "p"): two}}), "task")["t"]
    found = effect({"t": held["a"]}, {"t": held["b"]})
    expected = stats.ttest_ind(one, two, equal_var=False)
    assert found is not None
    assert found.overall.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert 2 * found.overall.p_above(0) == pytest.approx(expected.pvalue)
    share = stats.mannwhitneyu(one, two).statistic / 12
    assert improvement({"t": held["a"]}, {"t": held["b"]}) == pytest.approx(share)


def test_parts_of_a_run_are_averaged_and_add_no_freedom() -> None:
    first, second = [0.7, 0.8, 0.95], [0.5, 0.4, 0.55]
    held = arms(_frame({"a": {("t", "p"): first, ("t", "q"): second}}), "task")["t"]["a"]
    expected = run_mean((np.array(first) + second) / 2)
    found = held.estimate(held.parts)
    assert (found.mean, found.error, found.freedom) == pytest.approx(
        (expected.mean, expected.error, expected.freedom)
    )


def test_tasks_with_a_single_run_are_left_out_where_others_have_more() -> None:
    frame = _frame({label: {("t", "p"): [0.1, 0.2], ("u", "p"): [0.5]} for label in "ab"})
    by_label = {label: {task: held[label] for task, held in arms(frame, "task").items()} for label in "ab"}
    found = effect(by_label["a"], by_label["b"])
    assert found is not None
    assert set(found.by_block) == {"t"}
    alone = effect({"u": by_label["a"]["u"]}, {"u": by_label["b"]["u"]})
    assert alone is not None
    assert math.isnan(alone.overall.error)


def test_heterogeneity_agrees_with_welchs_anova() -> None:
    groups = [np.array([0.1, 0.3, 0.2]), np.array([0.5, 0.7, 0.55, 0.6]), np.array([0.4, 0.1, 0.35])]
    expected = anova_oneway(groups, use_var="unequal", welch_correction=True).pvalue
    assert heterogeneity([run_mean(group) for group in groups]) == pytest.approx(expected)
    assert math.isnan(heterogeneity([run_mean(groups[0])]))


@pytest.mark.parametrize("p", [[], [0.3], [0.04, 0.01, 0.03], [0.5, 0.5, 0.001, 0.2, 0.9]])
def test_holm_agrees_with_statsmodels(p: list[float]) -> None:
    expected = multipletests(p, method="holm")[1] if p else []
    assert holm(p) == pytest.approx(list(expected))


def test_weighted_holm_gives_a_family_its_share() -> None:
    assert holm([0.01, 0.01, 0.01], [0.5, 0.25, 0.25]) == pytest.approx([0.02, 0.02, 0.02])
    assert holm([0.03, 0.001], [0.5, 0.5]) == pytest.approx([0.03, 0.002])


def test_more_seeds_are_few_for_a_clear_effect_and_none_help_at_the_margin() -> None:
    def missing(gap: float, noise: Sequence[float] = (-0.12, 0.0, 0.12)) -> float:
        runs = {"a": [gap + each for each in noise], "b": list(noise)}
        frame = _frame({label: {("t", "p"): values} for label, values in runs.items()})
        held = arms(frame, "task")["t"]
        found = effect({"t": held["a"]}, {"t": held["b"]})
        assert found is not None
        return more_seeds(found, 0.05, 0.05)

    clear, slight = missing(0.4), missing(0.2)
    assert 0 < clear < slight < 100
    assert math.isinf(missing(0.05))
    assert math.isinf(missing(0.4, noise=(0.0,)))
