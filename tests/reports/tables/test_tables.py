"""Tables exact on frames small enough to count by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from posharness.conformance.sample_frames import sample_frames
from posharness.contracts import Frames
from posharness_reports.measures.statistics import wilson
from posharness_reports.study import study
from posharness_reports.tables import accuracy as accuracy_tables
from posharness_reports.tables import overview as overview_tables
from posharness_reports.tables.learning import at_equal_steps, stopped_early

Simulate = Callable[..., Frames]
SCOPE = "at the training length"


def _hand_made(
    rows: Sequence[tuple[str, int, int, int, int, bool]], undefined: dict[str, tuple[int, ...]] | None = None
) -> Frames:
    """Frames of one task trained at 8 tokens, with chance ½.

    Args:
        rows: label, seed, length, sequence, distance, correct of each prediction.
        undefined: lengths at which a label is undefined.
    """
    names = ["label", "seed", "length", "sequence", "dependency_length", "correct"]
    predictions = pd.DataFrame(rows, columns=names)
    predictions = predictions.assign(
        cell=predictions["label"] + predictions["seed"].astype(str),
        task="echo",
        split="test",
        objective="recall",
        decoding="teacher-forced",
        condition="",
        position=0,
        stratum="",
        log_prob=-0.5,
        chance=0.5,
    )
    cells = predictions[["cell", "label", "seed"]].drop_duplicates(ignore_index=True)
    about: dict[str, Any] = {
        "body": "encoder",
        "task": "echo",
        "status": "done",
        "reason": "",
        "parameters": 1000,
        "step_ms": 2.5,
        "step_wall_ms": 2.6,
        "train_length": 8,
        "distance": "dependency",
    }
    lengths = [(undefined or {}).get(label, ()) for label in cells["label"]]
    about["objectives"] = [("recall",)] * len(cells)
    return Frames(cells.assign(**about, undefined_lengths=lengths), predictions, pd.DataFrame())


def _counted(label: str, seed: int, length: int, distance: int, right: int, n: int) -> list[Any]:
    return [(label, seed, length, i, distance, i < right) for i in range(n)]


@pytest.fixture
def echo() -> Frames:
    """Two seeds of `near` (all right at 1; 3 and 1 of 4 at 4) and one of `far`, which is always right."""
    rows = [
        *_counted("near", 0, 8, 1, 4, 4),
        *_counted("near", 1, 8, 1, 4, 4),
        *_counted("near", 0, 8, 4, 3, 4),
        *_counted("near", 1, 8, 4, 1, 4),
        *_counted("near", 0, 16, 4, 2, 4),
        *_counted("near", 1, 16, 4, 2, 4),
        *_counted("far", 0, 8, 1, 4, 4),
        *_counted("far", 0, 8, 4, 4, 4),
        *_counted("far", 0, 16, 4, 4, 4),
        # A prediction without a distance counts by length alone.
        ("far", 0, 8, 0, -1, True),
    ]
    return _hand_made(rows, undefined={"far": (32,)})


def test_points_by_distance(echo: Frames) -> None:
    points = study(echo).by_distance.points
    inside = points[points["scope"] == SCOPE].set_index(["label", "bucket"])
    assert inside["accuracy"].to_dict() == {
        ("far", "1"): 1.0,
        ("far", "4"): 1.0,
        ("near", "1"): 1.0,
        ("near", "4"): 0.5,
    }
    assert inside.loc[("near", "4"), ["seeds", "predictions", "chance", "normalised"]].tolist() == [
        2,
        8,
        0.5,
        0,
    ]
    # Four sequences that are all right are not certainty.
    assert inside.loc[("far", "1"), ["low", "high"]].tolist() == pytest.approx([*map(float, wilson(4, 4))])
    assert inside.loc[("near", "4"), "low"] < 0.3 < 0.7 < inside.loc[("near", "4"), "high"]
    beyond = points[points["scope"] == "beyond the training length"]
    assert set(beyond["lengths"]) == {"16"}


def test_an_interval_of_one_run_takes_sequences_as_the_unit() -> None:
    # In each of 50 sequences all four predictions are right, or all are wrong.
    rows = [("near", 0, 8, i, 4, i < 30) for i in range(50) for _ in range(4)]
    runs = study(_hand_made(rows)).by_distance.runs
    assert runs[["seed", "correct", "predictions", "accuracy"]].to_numpy().tolist() == [[0, 120, 200, 0.6]]
    assert runs["low"].iloc[0] == pytest.approx(wilson(30, 50)[0], abs=0.01)
    # With one prediction in each sequence there is nothing to correct.
    rows = [("near", 0, 8, i, 4, i < 120) for i in range(200)]
    runs = study(_hand_made(rows)).by_distance.runs
    assert runs["low"].iloc[0] == pytest.approx(wilson(120, 200)[0], abs=0.01)


def test_reach_is_censored_or_interpolated() -> None:
    rows = [
        *_counted("far", 0, 8, 1, 200, 200),
        *_counted("far", 0, 8, 4, 200, 200),
        *_counted("near", 0, 8, 1, 199, 200),
        *_counted("near", 0, 8, 4, 140, 200),
        *_counted("none", 0, 8, 1, 110, 200),
        *_counted("none", 0, 8, 4, 100, 200),
        *_counted("few", 0, 8, 1, 9, 9),
        *_counted("few", 0, 8, 4, 9, 9),
    ]
    reach = study(_hand_made(rows)).by_distance.reach.set_index("label")
    assert reach.loc["far", ["reach", "censored", "area"]].tolist() == [np.inf, True, 1.0]
    assert 1 < reach.loc["near", "low"] < reach.loc["near", "reach"] < reach.loc["near", "high"] < 4
    assert not reach.loc["near", "censored"]
    assert reach.loc["near", "area"] == pytest.approx((0.99 + 0.4) / 2)
    assert reach.loc["none", ["reach", "low", "high"]].tolist() == [0.0, 0.0, 0.0]
    assert reach.loc["few", ["reach", "low", "high"]].isna().all()


def test_wide_table_by_distance(echo: Frames) -> None:
    table = accuracy_tables.by_distance(study(echo), "echo", "recall", SCOPE)
    assert list(table.columns) == ["encoding", "1", "4"]
    assert table["encoding"].tolist() == ["far", "near", "(chance)"]
    assert table.loc[0, "4"] == "1.00 [0.51, 1.00]"
    assert table.loc[1, "4"].startswith("0.50 [")
    assert table.loc[2, "4"] == "0.50"


def test_undefined_lengths_are_undefined_and_not_0(echo: Frames) -> None:
    table = accuracy_tables.by_length(study(echo), "echo", "recall")
    assert list(table.columns) == ["encoding", "8 (trained)", "16", "32"]
    assert table.set_index("encoding")["32"].to_dict() == {"far": "undefined", "near": "–", "(chance)": "–"}
    points, _ = study(echo).by_length
    assert points.loc[points["undefined"], ["label", "length"]].to_numpy().tolist() == [["far", 32]]
    assert points.loc[points["undefined"], "accuracy"].isna().all()


def test_summary(echo: Frames) -> None:
    table = accuracy_tables.summary(study(echo)).set_index("encoding")
    assert table.loc["far", "seeds"] == 1
    assert table.loc["near", "seeds"] == 2
    assert table.loc["far", "learned"] == "1 of 1 [0.03, 1.00]"
    assert table.loc["near", "learned"] == "0 of 2 [0.00, 0.84]"
    assert table.loc["far", "area by distance"] == "1.00"
    beyond = ["in longer sequences", "longest length", "change", "remark"]
    assert table.loc["far", beyond].tolist() == ["undefined", 32, "–", "–"]
    assert table.loc["near", "in longer sequences"].startswith("0.50 [")
    assert table.loc["near", "longest length"] == 16
    assert table.loc["near", "change"].startswith("−0.50 [")
    assert table.loc["near", "remark"] == "not yet learned there (0.50)"
    assert table.loc["near", "parameters"] == 1000
    assert table.loc["near", ["ms per step", "by the clock"]].tolist() == [2.5, 2.6]


def test_a_learned_encoding_is_judged_in_longer_sequences(echo: Frames) -> None:
    cells = echo.cells.assign(undefined_lengths=[()] * len(echo.cells))
    table = accuracy_tables.summary(study(Frames(cells, echo.predictions, echo.curves))).set_index("encoding")
    assert table.loc["far", "in longer sequences"] == "1.00 [0.51, 1.00]"
    assert table.loc["far", ["longest length", "change"]].tolist() == [16, "+0.00"]


def test_the_first_summary_is_by_rank_and_has_few_columns(simulated: Callable[..., Frames]) -> None:
    labels = ("a", "relative", "learned")
    full = accuracy_tables.summary(study(simulated(labels, seeds=3, tasks=("copy",), sequences=24)))
    first = accuracy_tables.shorter(full)
    assert len(first.columns) < 10
    assert all(text.endswith(" of 3") for text in first["learned"])
    assert full.attrs["folded"]
    assert "folded" not in first.attrs
    assert first["encoding"].iloc[0] == "relative"
    best = first["rank"].str.partition("–")[0].astype(int)
    assert best.is_monotonic_increasing
    assert best.iloc[0] < best.iloc[-1]


def test_every_cell_that_is_not_done_has_its_reason(frames: Frames) -> None:
    table = overview_tables.unfinished(study(frames))
    assert table.to_dict("records") == [
        {
            "status": "skipped",
            "task": "bert",
            "encoding": "relative",
            "seed": 1,
            "reason": "relative is not defined for this body.",
        },
        {
            "status": "diverged",
            "task": "copy",
            "encoding": "absolute",
            "seed": 1,
            "reason": "The loss was nan at step 260.",
        },
    ]


def test_status_by_encoding_and_task(frames: Frames) -> None:
    table = overview_tables.status(study(frames)).set_index("task")
    assert table["absolute"].to_dict() == {
        "bert": "2 done",
        "copy": "1 diverged, 1 done",
        "offset_recall": "2 done",
    }


def test_status_runs_down_the_page_where_it_is_longer(simulated: Simulate) -> None:
    table = overview_tables.status(study(simulated(tasks=("copy",), sequences=8)))
    assert table.to_dict("records") == [
        {"encoding": "absolute", "copy": "2 done"},
        {"encoding": "relative", "copy": "2 done"},
    ]


def test_an_interval_does_not_depend_on_what_else_was_run(simulated: Simulate) -> None:
    few, more = (
        study(simulated(labels, tasks=("copy",))).by_distance.points
        for labels in (("relative",), ("relative", "absolute"))
    )
    kept = more[more["label"] == "relative"].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, kept)


def test_environments_are_counted(frames: Frames) -> None:
    frames.cells.loc[frames.cells["task"] == "copy", "torch"] = "2.12.1"
    table = overview_tables.environments(study(frames))
    assert dict(zip(table["torch"], table["cells"], strict=True)) == {"2.13.0": 7, "2.12.1": 3}
    frames.cells["torch"] = "2.13.0"


def test_the_overview_lists_the_plugins_behind_the_finished_cells() -> None:
    table = overview_tables.plugins(study(sample_frames()))
    assert list(table["name"]) == ["far", "near"]  # each once, and not that of the failed cell
    first = table.iloc[0]
    assert (first["package"], first["version"], first["file"]) == ("posharness", "0.2.0", "far.py")
    assert first["digest"] == "0a1b2c3d0a1b"


def test_runs_that_stopped_early_are_named_and_compared_at_equal_steps() -> None:
    runs = [
        ("far", 0, "done", 40),
        ("far", 1, "done", 100),
        ("near", 0, "done", 60),
        ("off", 0, "failed", 20),
    ]
    cells = pd.DataFrame(
        {
            "task": "echo",
            "label": [label for label, *_ in runs],
            "seed": [seed for _, seed, *_ in runs],
            "status": [status for *_, status, _ in runs],
            "steps": [float(steps) for *_, steps in runs],
            "settings": [{"steps": 100}] * len(runs),
            "score": 1.0,
        }
    )
    stopped = stopped_early(cells)
    assert stopped[["encoding", "seed", "last_step", "steps_given"]].to_numpy().tolist() == [
        ["far", 0, 40, 100],
        ["near", 0, 60, 100],
    ]
    points = [(task, run, step) for task in ("echo", "other") for run in runs for step in (20, 40, 60)]
    curves = pd.DataFrame(
        {
            "task": [task for task, *_ in points],
            "objective": "recall",
            "label": [run[0] for _, run, _ in points],
            "seed": [run[1] for _, run, _ in points],
            "step": [step for *_, step in points],
            "validation_score": [(step + 20 * run[1]) / 100 for _, run, step in points],
        }
    )
    table = at_equal_steps(curves, stopped)
    assert set(table["task"]) == {"echo"}
    assert set(table["step"]) == {40}
    assert dict(zip(table["encoding"], table["validation_accuracy"], strict=True)) == pytest.approx(
        {"far": 0.5, "near": 0.4, "off": 0.4}
    )
    assert dict(zip(table["encoding"], table["runs"], strict=True)) == {"far": 2, "near": 1, "off": 1}


def test_a_sequence_is_right_as_a_whole_where_all_its_predictions_are() -> None:
    right = {0: (True, True), 1: (True, False), 2: (False, False)}
    rows = [
        (label, seed, 8, sequence, distance, label == "all" or answers[distance - 1])
        for label in ("all", "some")
        for seed in (0, 1)
        for sequence, answers in right.items()
        for distance in (1, 2)
    ]
    made = study(_hand_made(rows))
    shares = made.whole_sequences.set_index("label")
    assert shares["share"].to_dict() == {"all": 1.0, "some": pytest.approx(1 / 3)}
    assert (shares["sequences"] == 6).all()
    assert (shares["per_sequence"] == 2).all()
    shown = accuracy_tables.summary(made).set_index("encoding")["whole sequences"]
    assert shown["some"].startswith("0.33")


def test_with_one_prediction_a_sequence_the_share_of_whole_sequences_is_left_out() -> None:
    made = study(_hand_made([("one", 0, 8, sequence, 1, True) for sequence in range(3)]))
    assert made.whole_sequences.empty
    assert accuracy_tables.summary(made)["whole sequences"].tolist() == ["–"]


def test_a_reach_that_was_not_tested_is_no_number() -> None:
    rows = {"reach": [np.inf, 0.0, 12.0], "low": [np.inf, 0.0, 9.0], "high": [np.inf, 0.0, np.inf]}
    measured = pd.DataFrame({"label": list("abc"), **rows, "shortest": 9, "longest": 36, "censored": False})
    table = accuracy_tables.reaches(measured)
    assert table["reach"].tolist() == ["≥ 36", "< 9", "not known"]
    assert not np.isinf(table.select_dtypes(float).to_numpy()).any()
