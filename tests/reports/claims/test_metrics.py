"""The numbers that claims are judged by equal what is counted from the rows by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Claim, Frames, defined_in
from posharness_reports import claims
from posharness_reports.claims._metrics import by_distance, in_other_lengths, slope_by_distance, speed
from posharness_reports.study import study

Simulate = Callable[..., Frames]


@pytest.fixture(scope="module")
def recall(simulated: Simulate) -> Frames:
    return simulated(tasks=("offset_recall",))


def answers(frames: Frames, length: int) -> pd.DataFrame:
    rows = frames.predictions[frames.predictions["length"] == length]
    return rows.assign(label=rows["label"].astype(str), right=(rows["correct"] - 1 / 16) / (15 / 16))


def values(found: pd.DataFrame) -> dict[tuple[str, int], float]:
    return {(row.label, row.seed): row.value for row in found.itertuples()}


@pytest.mark.parametrize("farther", [False, True])
def test_each_distance_counts_once_however_often_it_is_asked(recall: Frames, farther: bool) -> None:
    rows = answers(recall, 32)
    rows = rows[rows["dependency_length"] >= (8 if farther else 1)]
    each = rows.groupby(["label", "seed", "dependency_length"])["right"].mean()
    expected = each.groupby(["label", "seed"]).mean().to_dict()
    assert values(by_distance(recall, farther=farther)) == pytest.approx(expected, abs=1e-6)
    assert len(expected) == 4


def test_normalised_accuracy_of_spans_starts_at_chance_and_of_dependencies_at_blind(recall: Frames) -> None:
    high = replace(recall, predictions=recall.predictions.assign(blind=np.float32(0.69)))
    spans = replace(high, cells=high.cells.assign(distance="span"))
    accuracy = answers(recall, 32).groupby(["label", "seed"])["correct"].mean()
    for frames, zero in ((high, 0.69), (spans, 1 / 16)):
        runs = study(frames).by_length[1]
        runs = runs[runs["length"] == 32].set_index(["label", "seed"])["normalised"]
        expected = (accuracy - zero) / (1 - zero)
        assert runs.to_dict() == pytest.approx(expected.to_dict(), abs=1e-6)
    assert study(spans).by_length[0]["blind"].unique() == pytest.approx([0.69])


def test_a_task_of_spans_and_one_without_two_distances_have_no_value(recall: Frames) -> None:
    spans = replace(recall, cells=recall.cells.assign(distance="span"))
    assert by_distance(spans).empty
    near = recall.predictions[recall.predictions["dependency_length"] == 4]
    assert by_distance(replace(recall, predictions=near)).empty


def test_other_lengths_count_for_all_runs_where_an_encoding_is_defined(simulated: Simulate) -> None:
    frames = simulated(labels=("relative", "absolute", "learned"), tasks=("offset_recall",))
    found = in_other_lengths(frames)
    expected = answers(frames, 64).groupby(["label", "seed"])["right"].mean().to_dict()
    assert values(found[found["value"].notna()]) == pytest.approx(expected, abs=1e-6)
    assert {label for label, _ in expected} == {"relative", "absolute"}
    left = found[found["value"].isna()]
    assert dict(zip(left["label"], left["reason"], strict=True)) == {"learned": "undefined"}


def test_shorter_sequences_are_other_lengths_too(simulated: Simulate) -> None:
    frames = simulated(tasks=("offset_recall",))
    frames = replace(frames, cells=frames.cells.assign(train_length=64.0))
    expected = answers(frames, 32).groupby(["label", "seed"])["right"].mean().to_dict()
    assert values(in_other_lengths(frames)) == pytest.approx(expected, abs=1e-6)


def test_speed_counts_the_steps_to_half_of_the_way_in_runs_that_get_there(recall: Frames) -> None:
    late = (recall.curves["label"] == "absolute") & (recall.curves["seed"] == 1)
    curves = recall.curves.assign(
        validation_score=recall.curves["validation_score"].mask(late, 0.1 * recall.curves["validation_score"])
    )
    found = speed(replace(recall, curves=curves))
    scores = curves.assign(label=curves["label"].astype(str))
    expected, intervals = {}, {}
    for key, run in scores.dropna(subset="validation_score").groupby(["label", "seed"]):
        steps, way = (np.append(0.0, run[name]) for name in ("step", "validation_score"))
        way[1:] = (way[1:] - 1 / 16) / (15 / 16)
        if way.max() >= 0.5:
            i = int((way >= 0.5).argmax())
            expected[key] = -np.log2(np.interp(0.5, way[i - 1 : i + 1], steps[i - 1 : i + 1]))
            intervals[key] = steps[i - 1 : i + 1]
    assert len(expected) == 3
    known = found[found["value"].notna()]
    assert values(known) == pytest.approx(expected)
    rng = np.random.default_rng(1)
    for row in known.itertuples():
        anywhere = np.log2(rng.uniform(*intervals[row.label, row.seed], 100_000))
        assert row.precision == pytest.approx(anywhere.std(), rel=0.02)
    (reason,) = found.loc[found["value"].isna(), "reason"]
    assert reason == "does not get 50 % of the way from chance to perfect"


def test_the_slope_is_the_change_with_each_doubling_of_distance(recall: Frames) -> None:
    rows = answers(recall, 32).assign(place=lambda own: np.log2(own["dependency_length"]))
    means = rows.groupby(["label", "seed", "place"])["right"].mean().reset_index()
    expected = {
        (str(label), int(seed)): float(np.cov(own["place"], own["right"])[0, 1] / own["place"].var())
        for (label, seed), own in means.groupby(["label", "seed"])
    }
    assert values(slope_by_distance(recall)) == pytest.approx(expected, abs=1e-6)
    assert len(expected) == 4


def test_a_run_that_was_cut_short_has_no_speed(simulated: Simulate) -> None:
    diverged = {("absolute", "offset_recall", 1): ("diverged", "The loss was nan.")}
    frames = simulated(tasks=("offset_recall",), statuses=diverged)
    assert ("absolute", 1) not in values(speed(frames))
    assert ("absolute", 0) in values(speed(frames))


@pytest.mark.parametrize("claim", defined_in(claims, Claim), ids=lambda claim: claim.name)
@pytest.mark.parametrize("default", ["done", "waiting"])
def test_every_built_in_claim_measures_whatever_a_store_holds(
    claim: type[Claim], default: str, simulated: Simulate
) -> None:
    frames = simulated(default=default)
    found = claim().measure(study(frames))
    assert list(found)[:5] == ["task", "label", "seed", "value", "reason"]
    assert {*found} <= {"task", "label", "seed", "value", "reason", "precision"}
    assert not claim.scaled or found["value"].dropna().between(-1, 1).all()
    assert not found.duplicated(["task", "label", "seed"]).any()
    assert (found.empty, default) in {(False, "done"), (True, "waiting")}
    assert claim.statement.endswith(".")
    assert claim.smallest_effect > 0
