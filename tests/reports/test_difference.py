"""Comparing two reports: nothing, noise, and a planted change are told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames, UserError
from posharness.contracts.comparison import Comparison
from posharness_reports import posharness_claims, posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler

Simulate = Callable[..., Frames]
CLAIMS = [claim() for claim in posharness_claims()]


def _compare(one: Frames | Path, other: Frames | Path) -> Comparison:
    return HtmlCompiler().compare(one, other, names=("A", "B"), claims=CLAIMS)


def _with_seeds(frames: Frames, label: str, new: dict[int, int]) -> Frames:
    """Frames in which the runs of a label have other seeds, and so are other cells."""

    def changed(rows: pd.DataFrame) -> pd.DataFrame:
        own = (rows["label"] == label) & rows["seed"].isin(new)
        cells = rows["cell"].astype(str).where(~own, rows["cell"].astype(str).str[::-1])
        return rows.assign(seed=rows["seed"].where(~own, rows["seed"].map(new)).astype("int64"), cell=cells)

    return replace(
        frames,
        cells=changed(frames.cells),
        predictions=changed(frames.predictions),
        curves=changed(frames.curves),
    )


def _worse(frames: Frames, label: str, task: str, share: float) -> Frames:
    """Frames in which a share of the right answers of a label on a task are wrong."""
    rows = frames.predictions
    own = ((rows["label"] == label) & (rows["task"] == task)).to_numpy()
    spoilt = own & (np.random.default_rng(0).random(len(rows)) < share)
    return replace(frames, predictions=rows.assign(correct=rows["correct"].to_numpy() & ~spoilt))


@pytest.fixture(scope="module")
def runs(simulated: Simulate) -> Frames:
    """Two encodings on two tasks with three seeds."""
    return simulated(seeds=3, tasks=("copy", "offset_recall"))


@pytest.fixture(scope="module")
def more(simulated: Simulate) -> Frames:
    """The same with five seeds, of which two stand for other seeds."""
    return simulated(seeds=5, tasks=("copy", "offset_recall"))


def test_a_report_does_not_differ_from_itself(runs: Frames, tmp_path: Path) -> None:
    found = _compare(runs, runs)
    assert found.same
    assert found.compared["numbers"] > 20
    assert found.compared["ranks"] > 4
    assert found.compared["verdicts"] > 0
    assert b"Nothing differs." in found.page
    sections = [section() for section in posharness_report_sections()]
    report = HtmlCompiler().compile(runs, sections, claims=CLAIMS, title="A", folder=tmp_path / "study")
    assert _compare(report.parent, runs).same
    assert _compare(runs, report.parent).compared == found.compared


def test_another_seed_is_noise(more: Frames) -> None:
    kept = more.cells["seed"] < 3
    other = (more.cells["label"] == "absolute") | kept
    one, two = (_of_cells(more, more.cells["cell"][rows]) for rows in (kept, other))
    two = _of_cells(two, two.cells["cell"][(two.cells["label"] != "absolute") | (two.cells["seed"] >= 2)])
    found = _compare(one, two)
    assert [change.what for change in found.ran] == ["finished seeds of absolute on copy and offset_recall"]
    assert (found.ran[0].one, found.ran[0].other) == ("0, 1, 2", "2, 3, 4")
    assert found.numbers
    assert all("absolute" in change.what for change in found.numbers)
    assert not any(change.beyond_noise for change in (*found.numbers, *found.ranks, *found.verdicts))


def test_a_planted_change_is_found_and_nothing_else(runs: Frames) -> None:
    found = _compare(runs, _worse(_with_seeds(runs, "relative", {0: 7, 1: 8, 2: 9}), "relative", "copy", 0.3))
    beyond = [change for change in found.numbers if change.beyond_noise]
    assert beyond
    assert all(change.what.startswith("relative on copy") for change in found.numbers)
    assert beyond[0].difference is not None
    assert -0.4 < beyond[0].difference < -0.15
    assert {change.what for change in found.ran} == {"finished seeds of relative on copy and offset_recall"}


def test_the_same_cell_with_other_predictions_is_more_than_noise(runs: Frames) -> None:
    found = _compare(runs, _worse(runs, "relative", "copy", 0.02))
    assert len(found.ran) == 3
    assert all(change.what.startswith("predictions of cell ") for change in found.ran)
    assert not any(change.beyond_noise for change in found.verdicts)


def test_what_was_run_otherwise_is_named(runs: Frames) -> None:
    settings = [{**own, "steps": 900} if task == "copy" else own
                for own, task in zip(runs.cells["settings"], runs.cells["task"], strict=True)]  # fmt: skip
    cells = runs.cells.assign(settings=settings, torch="2.14.0", version="feed")
    other = _of_cells(replace(runs, cells=cells), cells["cell"][cells["label"] != "absolute"])
    found = _compare(runs, other)
    assert [(change.what, change.one, change.other) for change in found.ran] == [
        ("encodings that only one has", "absolute", "–"),
        ("code of relative on copy and offset_recall", "–", "feed"),
        ("settings of copy", "steps=800", "steps=900"),
        ("torch", "2.13.0", "2.14.0"),
    ]
    assert not found.numbers


def test_single_runs_are_never_beyond_noise(simulated: Simulate) -> None:
    one = simulated(seeds=1, tasks=("copy",))
    found = _compare(one, _worse(_with_seeds(one, "relative", {0: 5}), "relative", "copy", 0.5))
    assert found.numbers
    assert not any(change.beyond_noise for change in found.numbers)
    assert all(change.p is None for change in found.numbers)


def test_a_folder_without_data_is_refused(runs: Frames, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a compiled report"):
        _compare(runs, tmp_path)


def _of_cells(frames: Frames, keys: pd.Series) -> Frames:
    def own(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["cell"].isin(set(keys))].reset_index(drop=True)

    return Frames(own(frames.cells), own(frames.predictions), own(frames.curves))
