"""What results rest on: said of every report, from the runs that it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from posharness.conformance.sample_frames import sample_frames
from posharness.contracts import Frames
from posharness_reports import posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.sections.trust import Trust

Simulate = Callable[..., Frames]


def lines(frames: Frames) -> list[str]:
    section = Trust().build(frames)
    assert section is not None
    return [line.removeprefix("- ").replace("\\", "") for line in section.prose.splitlines()]


def test_it_says_how_runs_ended_and_how_they_were_trained(simulated: Simulate) -> None:
    found = lines(simulated(seeds=3, tasks=("copy", "offset_recall"), sequences=8))
    assert found[:2] == [
        "12 of 12 planned runs are done: 3 seeds of each encoding on each task.",
        "Every finished run was trained for all the steps that it was given.",
    ]
    assert "All finished runs were made with torch 2.13.0, Python 3.11.7, machine x86_64, " in found[-2]
    assert "results version 1" in found[-2]
    assert "`methods.txt`" in found[-1]


def test_it_says_what_is_missing(simulated: Simulate) -> None:
    statuses = {
        ("relative", "copy", 0): ("diverged", "The loss was nan."),
        ("absolute", "copy", 0): ("skipped", ""),
        ("absolute", "copy", 1): ("diverged", "The loss was inf."),
    }
    frames = simulated(seeds=3, tasks=("copy",), statuses=statuses, sequences=8)
    said = "3 of 6 planned runs are done, 2 diverged and 1 skipped: 1–2 seeds of each encoding on each task."
    assert lines(frames)[0] == said
    waiting = lines(simulated(seeds=1, tasks=("copy",), default="waiting"))
    assert waiting == ["0 of 2 planned runs are done, 2 waiting."]
    assert Trust().build(Frames(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())) is None


def test_it_says_which_runs_stopped_early_and_where_they_differ(simulated: Simulate) -> None:
    frames = simulated(seeds=2, tasks=("copy",), sequences=8)
    cells = frames.cells.assign(steps=[400.0, 800.0, 600.0, 800.0], torch=["2.13.0"] * 3 + ["2.14.0"])
    found = lines(replace(frames, cells=cells))
    assert found[1].startswith(
        "2 of 4 finished runs stopped before the steps that they were given, after 400–600, "
    )
    assert found[-2] == "Finished runs differ in torch (2.13.0, 2.14.0)."
    assert "torch" not in found[-3]


def test_it_says_whether_answers_follow_their_source() -> None:
    frames = sample_frames()
    right = frames.predictions.assign(correct=True)
    asked = frames.interventions
    followed = np.where(asked["label"] == sorted(set(asked["label"]))[0], "followed", "kept")
    learned = replace(frames, predictions=right, interventions=asked.assign(outcome=followed))
    n = int((asked["change"] == "source").sum())
    (said,) = (line for line in lines(learned) if "asked again" in line)
    assert said.startswith(f"{n} questions were asked again with the source changed.")
    worst = sorted(set(asked["label"]))[1]
    assert f"a share of 0.00 ({worst} on " in said
    (said,) = (
        line for line in lines(replace(learned, predictions=right.assign(correct=False))) if "asked" in line
    )
    assert "No encoding has learned a task in all runs" in said
    (said,) = (line for line in lines(replace(learned, interventions=pd.DataFrame())) if "asked" in line)
    assert said.startswith("No question was asked again")


def test_a_report_of_finished_runs_answers_the_question(simulated: Simulate, tmp_path: Path) -> None:
    frames = simulated(seeds=1, tasks=("copy",), sequences=8)
    sections = [section() for section in posharness_report_sections()]
    page = HtmlCompiler().compile(frames, sections, title="A", folder=tmp_path / "study").read_text("utf-8")
    _, _, after = page.partition('<p class="question">Can I trust this?</p>')
    assert "2 of 2 planned runs are done" in after
    assert "did not finish" not in after
