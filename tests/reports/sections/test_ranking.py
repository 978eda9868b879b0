"""Rankings say what all pairs of runs say, and no more."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posharness.contracts import Frames, UserError
from posharness.reports import check_baseline
from posharness_reports.compile.headline import separating_over_tasks
from posharness_reports.formatting import show
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.ranking import lead, rank_all
from posharness_reports.measures.scores import NO_DISTANCES
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.sections.ranking.content import against, describe, ranking_table, sentence
from posharness_reports.study import study

Simulate = Callable[..., Frames]
NOISE = (-0.01, 0.0, 0.01, 0.005)


def scores(
    by_task: Mapping[str, Mapping[str, float]], decoding: str = "teacher-forced", scope: str = SCOPES[0]
) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "decoding": decoding,
                "scope": scope,
                "posed": task,
                "task": task,
                "objective": "o",
                "part": task,
                "label": label,
                "seed": seed,
                "value": mean + noise,
            }
            for task, means in by_task.items()
            for label, mean in means.items()
            for seed, noise in enumerate(NOISE)
        ]
    )


CLEAR = {"a": 0.9, "b": 0.895, "c": 0.5, "d": 0.2}


def test_ranks_and_groups_follow_from_the_pairs_that_are_told_apart() -> None:
    found = rank_all(scores({"t": CLEAR})).each["t", "o", SCOPES[0]]
    table = ranking_table(found).set_index("encoding")
    assert table["rank"].to_dict() == {"a": "1–2", "b": "1–2", "c": "3", "d": "4"}
    assert table["group"].to_dict() == {"a": "a", "b": "a", "c": "b", "d": "c"}
    assert sentence("on t", found).endswith("; it is told apart from c and d; not told apart from it: b.")


def test_equal_means_are_both_the_highest() -> None:
    found = rank_all(scores({"t": {"a": 0.9, "b": 0.9, "c": 0.5}})).each["t", "o", SCOPES[0]]
    assert "a has the highest mean score, 0.90 [0.89, 0.91] (and so has b); it is" in sentence("t", found)
    assert "so ha" not in sentence("t", rank_all(scores({"t": CLEAR})).each["t", "o", SCOPES[0]])


def test_failed_runs_stand_beside_the_means_that_leave_them_out(simulated: Simulate) -> None:
    statuses = {("relative", task, 2): ("diverged", "nan") for task in ("copy", "offset_recall")}
    section = describe(study(simulated(seeds=3, statuses=statuses, tasks=("copy", "offset_recall"))))
    assert section is not None
    over = section.tables["Ranking over 2 tasks, teacher-forced, at the training length"].set_index(
        "encoding"
    )
    assert over["failed"].to_dict() == {"relative": 2, "absolute": 0}
    alone = section.tables["Ranking on copy, at the training length"].set_index("encoding")
    assert (alone["failed"].to_dict(), alone["runs"].to_dict()) == (
        {"relative": 1, "absolute": 0},
        {"relative": 2, "absolute": 3},
    )
    assert "failed runs are not in these means: 2 of relative" in section.prose


def test_a_label_that_lacks_a_task_is_not_ranked_over_tasks() -> None:
    found = rank_all(scores({"t": CLEAR, "u": {"a": 0.6, "b": 0.3, "c": 0.3}})).overall[
        "teacher-forced", SCOPES[0]
    ]
    assert set(found.labels) == {"a", "b", "c"}
    assert "without d, for lack of results that the others have" in sentence("over 2 tasks", found)


def test_one_task_is_not_ranked_a_second_time_as_all_tasks() -> None:
    one, two = scores({"t": CLEAR}), scores({"t": CLEAR, "u": {"a": 0.6}})
    assert rank_all(two).overall == {}
    assert [pair.p for pair in rank_all(two).each["t", "o", SCOPES[0]].pairs] == pytest.approx(
        [pair.p for pair in rank_all(one).each["t", "o", SCOPES[0]].pairs]
    )


def _settings(
    means: Mapping[tuple[str, str, str], float], seeds: Mapping[tuple[str, str, str], int] = {}
) -> pd.DataFrame:
    """Scores of tasks with several settings: the mean of each task, setting and label."""
    frames = [
        scores({f"{task} ({setting})": {label: mean}})
        .assign(posed=task)
        .query(f"seed < {seeds.get((task, setting, label), len(NOISE))}")
        for (task, setting, label), mean in means.items()
    ]
    return pd.concat(frames, ignore_index=True)


OVER = ("teacher-forced", SCOPES[0])


def test_over_tasks_all_labels_are_ranked_by_the_same_settings() -> None:
    both = {("t", "short", "a"): 0.95, ("t", "short", "b"): 0.75, ("u", "short", "a"): 0.8}
    both[("u", "short", "b")] = 0.8
    found = rank_all(_settings({**both, ("t", "long", "a"): 0.1})).overall[OVER]
    assert found.labels == ["a", "b"]
    assert found.means["mean"].tolist() == pytest.approx([0.87625, 0.77625])
    assert found.ranks(ALPHA) == {"a": (1, 1), "b": (2, 2)}
    assert sentence("over 2 tasks", found).endswith("it is told apart from b.")


def test_a_task_of_which_no_two_labels_share_a_setting_does_not_count() -> None:
    apart = {("t", "short", "a"): 0.95, ("t", "long", "b"): 0.5}
    same = {(task, "short", label): 0.8 for task in "uv" for label in "ab"}
    found = rank_all(_settings({**apart, **same})).overall[OVER]
    assert found.blocks == ("u", "v")
    assert len(set(found.means["mean"])) == 1


def test_a_label_without_the_setting_of_the_others_is_left_out() -> None:
    means = {(task, "short", label): 0.8 for task in "tu" for label in "abc"}
    means[("t", "long", "c")] = means.pop(("t", "short", "c"))
    found = rank_all(_settings(means)).overall[OVER]
    assert (found.labels, found.left_out) == (["a", "b"], ("c",))


def test_where_tasks_with_one_seed_turn_the_order_nothing_is_told_apart() -> None:
    means = {("t", "", "a"): 0.9, ("t", "", "b"): 0.8, ("u", "", "a"): 0.2, ("u", "", "b"): 0.9}
    found = rank_all(_settings(means, {("u", "", "a"): 1})).overall[OVER]
    assert found.labels == ["b", "a"]
    assert found.separated(ALPHA) == {}
    assert sentence("over 2 tasks", found).endswith(
        "; not told apart from it: a; on the tasks with several seeds of both, the order is the opposite, "
        "so they are not tested."
    )


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(2, 4))
def test_no_statement_of_a_ranking_contradicts_its_means(chance: random.Random, labels: int) -> None:
    places = [(task, setting, label) for task in "tu" for setting in ("1", "2") for label in "abcd"[:labels]]
    kept = [place for place in places if chance.random() < 0.8] or places
    means = {place: chance.choice((0.2, 0.5, 0.8, 0.9)) for place in kept}
    rankings = rank_all(_settings(means, {place: chance.choice((1, 4, 4)) for place in kept}))
    for ranking in (*rankings.overall.values(), *rankings.each.values()):
        mean = ranking.means.set_index("label")["mean"]
        for pair in ranking.pairs:
            assert mean[pair.better] >= mean[pair.other] - 1e-9
            assert pair.p > ALPHA or mean[pair.better] > mean[pair.other]
        said = sentence("here", ranking)
        apart = {other for _, other in ranking.separated(ALPHA)}
        assert ("told apart from it: " not in said) == (set(ranking.labels[1:]) <= set(lead(ranking)[1]))
        assert ranking.labels[0] not in apart


def test_decodings_are_ranked_apart() -> None:
    turned = {task: {"a": 0.2, "b": 0.9} for task in "tu"}
    both = pd.concat([scores(dict.fromkeys("tu", CLEAR)), scores(turned, "free-running")])
    found = rank_all(both).overall
    assert ("a", "d") in found["teacher-forced", SCOPES[0]].separated(ALPHA)
    assert ("b", "a") in found["free-running", SCOPES[0]].separated(ALPHA)


def test_beyond_the_training_length_is_ranked_apart() -> None:
    turned = {task: {"a": 0.2, "b": 0.9} for task in "tu"}
    both = pd.concat([scores(dict.fromkeys("tu", CLEAR)), scores(turned, scope=SCOPES[1])])
    found = rank_all(both)
    assert ("a", "d") in found.overall["teacher-forced", SCOPES[0]].separated(ALPHA)
    assert ("b", "a") in found.overall["teacher-forced", SCOPES[1]].separated(ALPHA)
    assert ("b", "a") in found.each["t", "o", SCOPES[1]].separated(ALPHA)
    near = scores({"t": {"a": 0.9, "c": 0.88}})
    alone = rank_all(near).each["t", "o", SCOPES[0]].pairs[0]
    both = rank_all(pd.concat([near, near.assign(scope=SCOPES[1])]))
    assert both.each["t", "o", SCOPES[0]].pairs[0].p == pytest.approx(2 * alone.p)


def test_tasks_without_dependency_lengths_are_ranked_apart(simulated: Simulate) -> None:
    frames = simulated(seeds=3, sequences=16)
    spans = frames.cells["task"].isin(["bert", "copy"])
    apart = replace(frames, cells=frames.cells.assign(distance=np.where(spans, "span", "dependency")))
    rankings = study(apart).rankings
    near = SCOPES[0]
    assert set(rankings.overall["teacher-forced" + NO_DISTANCES, near].blocks) == {"bert", "copy"}
    assert ("teacher-forced", near) not in rankings.overall  # a single task
    assert {task for task, _, _ in rankings.each} == {"bert", "copy", "offset_recall"}
    assert separating_over_tasks(study(apart)) is None
    both = study(replace(frames, cells=frames.cells.assign(distance="dependency"))).rankings
    assert set(both.overall["teacher-forced", near].blocks) == {"bert", "copy", "offset_recall"}
    none = study(replace(frames, cells=frames.cells.assign(distance="span"))).rankings
    assert set(none.overall["teacher-forced", near].blocks) == {"bert", "copy", "offset_recall"}


def test_beyond_the_training_length_all_longer_lengths_count(simulated: Simulate) -> None:
    ready = study(simulated(labels=("relative", "learned"), seeds=3))
    _, runs = ready.by_length
    beyond = ready.scores[ready.scores["scope"] == SCOPES[1]]
    longer = runs[runs["length"] > runs["train_length"]]
    means = longer.groupby(["task", "label", "seed"])["normalised"].mean()
    assert len(beyond)
    for row in beyond.itertuples():
        assert row.value == pytest.approx(means[row.task, row.label, row.seed])
    # learned is undefined beyond its training length
    assert set(beyond["label"]) == {"relative"}


def _three(means: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    rows = scores(means)
    return rows[rows["seed"] < 3]


def test_where_runs_beside_it_fall_apart_three_that_agree_tell_too_little() -> None:
    key = ("t", "o", SCOPES[0])
    three = _three({"t": {"a": 0.9, "b": 0.6}, "u": {"a": 0.5, "b": 0.5}})
    assert ("a", "b") in rank_all(three).each[key].separated(ALPHA)
    apart = three["value"] + 0.5 * ((three["seed"] == 1) & (three["task"] == "u"))
    found = rank_all(three.assign(value=apart)).each[key]
    assert found.separated(ALPHA) == {}
    # What is shown of the pair is about its own runs.
    low, _ = found.pairs[0].effect.overall.interval()
    assert low > 0.2
    assert sentence("on t", found).endswith(
        "; a and b can differ like this by chance, for runs beside them vary more."
    )


def test_the_farthest_of_a_tie_has_the_reason_of_its_own_pair() -> None:
    """The largest difference has the strongest reason, and one that is said of a pair names it."""
    labels = {f"u{i}": dict.fromkeys("abc", 0.5) for i in range(9)}
    rows = _three({"t": {"a": 0.9, "b": 0.88, "c": 0.2}} | labels)
    noise = 0.45 * ((rows["seed"] == 1) & (rows["task"] != "t"))
    found = rank_all(rows.assign(value=rows["value"] + noise)).each["t", "o", SCOPES[0]]
    pair = next(pair for pair in found.pairs if {pair.better, pair.other} == {"a", "c"})
    assert pair.p > ALPHA >= pair.alone
    assert sentence("on t", found).endswith(
        f"; not told apart from it: b and c; p is {show(pair.alone)} for a and c alone, for runs beside them "
        "vary more, and above 0.05 corrected for all pairs and claims."
    )


def test_runs_that_a_test_does_not_take_are_not_exchanged() -> None:
    """Tasks with one run of a label are left out of a test, and so of the least p of few runs."""
    rows = scores({"t": {"a": 1.0, "b": 0.0}, "u": {"a": 1.0, "b": 0.0}, "v": {"a": 1.0, "b": 0.0}})
    kept = rows[(rows["seed"] < 1) | ((rows["seed"] < 2) & (rows["task"] == "t"))]
    (pair,) = rank_all(kept).overall["teacher-forced", SCOPES[0]].pairs
    assert set(pair.effect.by_block) == {"t"}
    assert pair.alone == pair.least == pytest.approx(2 / 6)


def test_noise_on_one_task_does_not_hide_large_differences_on_others() -> None:
    labels = {"a": 0.95, "b": 0.9, "c": 0.85, "d": 0.1}
    tasks = {f"t{i}": labels for i in range(6)} | {"noisy": dict.fromkeys("abcd", 0.5)}
    rows = _three(tasks)
    rows["value"] += 0.4 * ((rows["seed"] == 1) & (rows["task"] == "noisy"))
    found = rank_all(rows).each
    assert {("a", "d"), ("b", "d"), ("c", "d")} <= set(found["t0", "o", SCOPES[0]].separated(ALPHA))
    assert found["noisy", "o", SCOPES[0]].separated(ALPHA) == {}


def test_a_single_comparison_of_three_runs_has_nothing_to_be_measured_by() -> None:
    key = ("t", "o", SCOPES[0])
    alone = _three({"t": {"a": 0.9, "b": 0.1}})
    assert rank_all(alone).each[key].separated(ALPHA) == {}
    many = pd.concat([alone, alone.assign(seed=alone["seed"] + 3)])
    assert rank_all(many).each[key].separated(ALPHA)
    two = _three({"t": {"a": 0.9, "b": 0.1}, "u": {"a": 0.9, "b": 0.1}})
    assert rank_all(two[two["seed"] < 2]).each[key].separated(ALPHA) == {}


def test_p_is_corrected_for_all_pairs_of_the_report() -> None:
    few = rank_all(scores({"t": {"a": 0.9, "c": 0.88}})).each["t", "o", SCOPES[0]].pairs[0]
    many = rank_all(scores({"t": {"a": 0.9, "c": 0.88}} | {f"u{i}": CLEAR for i in range(5)}))
    (again,) = many.each["t", "o", SCOPES[0]].pairs
    assert again.p > few.p
    tie = rank_all(scores({"t": {"a": 0.9, "c": 0.88}} | {f"u{i}": {"a": 0.5, "c": 0.5} for i in range(9)}))
    found = tie.each["t", "o", SCOPES[0]]
    assert found.separated(ALPHA) == {}
    said = sentence("on t", found)
    assert re.search(
        r"; p is 0\.0[0-4]\d for a and c alone, but above 0\.05 corrected for all pairs and claims\.$", said
    )
    # It is said of a tie with the best also where others are told apart.
    third = rank_all(scores({"t": {"a": 0.9, "c": 0.88, "d": 0.1}} | {f"u{i}": CLEAR for i in range(9)}))
    mixed = third.each["t", "o", SCOPES[0]]
    assert set(mixed.separated(ALPHA)) == {("a", "d"), ("c", "d")}
    reason = r": c; p is 0\.0[0-4]\d for a and c alone, but above 0\.05 corrected for all pairs and claims\.$"
    assert re.search(f"; it is told apart from d; not told apart from it{reason}", sentence("on t", mixed))
    # Those that are close need no reason.
    assert sentence("on u0", tie.each["u0", "o", SCOPES[0]]).endswith("; not told apart from it: c.")


def test_a_baseline_is_compared_with_its_sign(simulated: Simulate) -> None:
    found = rank_all(scores({"t": CLEAR})).each["t", "o", SCOPES[0]]
    table = against("c", {"on t": found}).set_index("encoding")
    assert table.loc["a", "difference from c"].startswith("+0.40 [+0.3")
    assert table.loc["d", "difference from c"].startswith("−0.30 [−0.3")
    ready = study(simulated(seeds=2), baseline="absolute")
    section = describe(ready)
    assert section is not None
    assert set(section.tables["Against the baseline"]["encoding"]) == {"relative"}
    alone = describe(study(simulated(seeds=2)))
    assert alone is not None
    assert "Against the baseline" not in alone.tables


def test_a_baseline_that_was_not_run_is_refused() -> None:
    with pytest.raises(UserError, match="--baseline: no encoding 'relativ' here; did you mean 'relative'"):
        check_baseline("relativ", {"relative", "absolute"})


def test_one_encoding_is_not_ranked(simulated: Simulate) -> None:
    assert describe(study(simulated(labels=("relative",)))) is None


def test_runs_of_the_other_decoding_show_whether_runs_fall_apart() -> None:
    """As claims do, a ranking counts the labels on other tasks, whatever was decoded there."""
    forced = _three({name: {"a": 0.9, "b": 0.1} for name in "tuv"})
    free = forced[forced["task"] == "t"].assign(decoding="free-running", objective="o (free-running)")
    both = rank_all(pd.concat([forced, free])).each
    (pair,) = both["t", "o (free-running)", SCOPES[0]].pairs
    assert pair.least == 0
    assert pair.p <= ALPHA
    # The same runs decoded in another way are no further runs.
    (alone,) = rank_all(pd.concat([forced[forced["task"] == "t"], free])).each["t", "o", SCOPES[0]].pairs
    assert alone.least > 0
    # Nor does one run show how runs differ.
    single = forced[(forced["task"] == "t") | (forced["seed"] == 0)]
    (alone,) = rank_all(pd.concat([single, free])).each["t", "o", SCOPES[0]].pairs
    assert alone.least > 0
