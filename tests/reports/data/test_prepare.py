"""What is kept apart and what counts when a store holds unlike runs of one task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from posharness.contracts import Frames
from posharness_reports.data.prepare import prepare, title
from posharness_reports.study import study

Simulate = Callable[..., Frames]


def _again(frames: Frames, mark: str, **changes: object) -> Frames:
    """The frames with a second, later copy of every cell, in which these columns of `cells` differ."""
    shared = {name: value for name, value in changes.items() if name in frames.predictions}

    def both(frame: pd.DataFrame, values: dict[str, object]) -> pd.DataFrame:
        copy = frame.assign(cell=mark + frame["cell"].astype(str), **values)
        return pd.concat([frame.astype({"cell": object}), copy], ignore_index=True)

    cells = both(frames.cells, {"started": "2026-02-01T00:00:00Z", **changes})
    return Frames(cells, both(frames.predictions, shared), both(frames.curves, shared))


def test_a_later_run_takes_the_place_of_an_earlier_one(simulated: Simulate) -> None:
    once = simulated(tasks=("offset_recall",))
    ready = prepare(_again(once, "f"))
    assert ready.cells["status"].value_counts().to_dict() == {"done": 4, "superseded": 4}
    assert ready.cells.loc[ready.cells["status"] == "superseded", "reason"].str.contains("later").all()
    assert len(ready.predictions) == len(once.predictions)
    assert ready.predictions["cell"].astype(str).str.startswith("f").all()
    assert ready.curves["cell"].str.startswith("f").all()


def test_runs_under_other_settings_become_a_task_of_their_own(simulated: Simulate) -> None:
    once = simulated(tasks=("offset_recall",))
    short = once.cells["settings"].iloc[0] | {"steps": 100}
    ready = prepare(_again(once, "f", settings=[short] * len(once.cells)))
    assert set(ready.cells["task"]) == {"offset_recall (steps=100)", "offset_recall (steps=800)"}
    assert set(ready.cells["status"]) == {"done"}
    assert set(ready.predictions["task"]) == set(ready.cells["task"])


def test_bodies_and_training_lengths_are_told_apart(simulated: Simulate) -> None:
    twice = prepare(_again(simulated(tasks=("offset_recall",)), "f", body="decoder", train_length=16))
    assert set(twice.cells["task"]) == {
        "offset_recall (decoder, length 16)",
        "offset_recall (encoder, length 32)",
    }


def test_a_cell_without_settings_sets_nothing_apart(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy",), statuses={("relative", "copy", 1): ("skipped", "no")})
    known = zip(frames.cells["settings"], frames.cells["status"], strict=True)
    frames.cells["settings"] = [{} if status == "skipped" else settings for settings, status in known]
    assert set(prepare(frames).cells["task"]) == {"copy"}


def test_frames_without_columns_get_them() -> None:
    cells = pd.DataFrame(
        {
            "cell": ["a"],
            "label": ["x"],
            "body": ["encoder"],
            "task": ["copy"],
            "seed": [0],
            "status": ["waiting"],
        }
    )
    ready = prepare(Frames(cells, pd.DataFrame(), pd.DataFrame()))
    assert "dependency_length" in ready.predictions
    assert ready.cells.loc[0, "reason"] == ""
    assert ready.cells.loc[0, "started"] == ""
    assert ready.cells.loc[0, "undefined_lengths"] == ()


@pytest.mark.parametrize(
    "started", ["2026-01-05T11:00:00+01:00", 1767607200.0, pd.Timestamp("2026-01-05 10:00", tz="UTC")]
)
def test_starts_are_told_in_utc(simulated: Simulate, started: object) -> None:
    frames = simulated(tasks=("copy",), seeds=1)
    cells = frames.cells.astype({"started": object}).assign(started=[started] * len(frames.cells))
    assert set(prepare(replace(frames, cells=cells)).cells["started"]) == {"2026-01-05T10:00:00Z"}


def test_a_title_names_the_objective_only_where_there_are_several(frames: Frames) -> None:
    cells = prepare(frames).cells
    assert title("bert", "mlm", cells) == "bert (mlm)"
    assert title("copy", "copy", cells) == "copy"


def test_a_study_is_made_once(frames: Frames) -> None:
    made = study(frames)
    assert study(made) is made
    assert made.by_distance is made.by_distance


def test_an_edited_plugin_takes_the_place_of_its_earlier_versions_in_every_seed(frames: Frames) -> None:
    ready = prepare(frames)
    task, label = ready.cells.loc[ready.cells["status"] == "done", ["task", "label"]].iloc[0]
    same = (
        (frames.cells["task"] == task) & (frames.cells["label"] == label) & (frames.cells["status"] == "done")
    )
    assert same.sum() > 1
    newest = frames.cells[same].sort_values("started").index[-1]
    source = frames.cells.index.isin([newest]).astype(int).astype(str)
    cells = prepare(Frames(frames.cells.assign(version=source), frames.predictions, frames.curves)).cells
    kept = cells[(cells["task"] == task) & (cells["label"] == label) & (cells["status"] == "done")]
    assert kept["cell"].tolist() == [frames.cells.loc[newest, "cell"]]


def test_runs_on_two_versions_of_a_task_are_not_compared(simulated: Simulate) -> None:
    once = simulated(tasks=("copy",))
    edited = once.cells["label"] == "absolute"
    cells = once.cells.assign(task_version=edited.map({True: "bbbb", False: "aaaa"}))
    ready = prepare(replace(once, cells=cells))
    assert set(ready.cells["task"]) == {"copy (version aaaa)", "copy (version bbbb)"}
    assert set(ready.cells["status"]) == {"done"}
    assert ready.predictions.groupby("task", observed=True)["label"].nunique().tolist() == [1, 1]


def test_a_version_of_a_task_that_no_cell_counts_of_sets_nothing_apart(simulated: Simulate) -> None:
    once = simulated(tasks=("copy",))
    cells = once.cells.assign(version="1", task_version="aaaa")
    ready = prepare(_again(replace(once, cells=cells), "f", version="2", task_version="bbbb"))
    assert set(ready.cells["task"]) == {"copy"}
    assert ready.cells["status"].value_counts().to_dict() == {"done": 4, "superseded": 4}


def test_frames_that_say_which_cells_are_superseded_are_believed(simulated: Simulate) -> None:
    once = simulated(tasks=("copy",))
    twice = _again(replace(once, cells=once.cells.assign(version="1")), "f", version="2")
    later = twice.cells["version"] == "2"
    cells = twice.cells.assign(status=twice.cells["status"].where(~later, "superseded"))
    ready = prepare(replace(twice, cells=cells))
    assert set(ready.cells.loc[ready.cells["status"] == "done", "version"]) == {"1"}
    assert set(ready.predictions["cell"].astype(str)) == set(once.cells["cell"])
