"""What results rest on: said of every report, from the runs that it has."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from posharness.conformance.sample_frames import sample_frames
from posharness.contracts import Frames
from posharness_reports import posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.compile.first_screen import first_screen
from posharness_reports.compile.methods import methods
from posharness_reports.data.grouping import matching
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.sections.overview.content import describe
from posharness_reports.sections.trust import Trust
from posharness_reports.sections.unfinished import Unfinished
from posharness_reports.study import study

Simulate = Callable[..., Frames]


def lines(frames: Frames) -> list[str]:
    section = Trust().build(frames)
    assert section is not None
    return [line.removeprefix("- ").replace("\\", "") for line in section.prose.splitlines()]


def test_it_says_how_runs_ended_and_how_they_were_trained(simulated: Simulate) -> None:
    found = lines(simulated(seeds=3, tasks=("copy", "offset_recall"), sequences=8))
    assert found[:3] == [
        "12 runs were started, and all are done.",
        "Results are of 3 seeds of each encoding on each task.",
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
    assert lines(frames)[:2] == [
        "5 runs were started: 3 are done and 2 diverged; 1 was skipped.",
        "Results are of 1–2 seeds of each encoding on each task.",
    ]
    waiting = lines(simulated(seeds=1, tasks=("copy",), default="waiting"))
    assert waiting == ["No run was started; 2 were waiting."]
    late = {("absolute", "copy", seed): ("timeout", "") for seed in range(2)}
    late[("relative", "copy", 0)] = ("interrupted", "")
    assert lines(simulated(seeds=2, tasks=("copy",), statuses=late))[0] == (
        "4 runs were started: 1 is done, 2 ran out of time and 1 was interrupted."
    )
    assert Trust().build(Frames(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())) is None


@pytest.mark.parametrize("status", ["failed", "skipped", "superseded", "never begun"])
def test_an_encoding_without_a_result_has_no_seeds(simulated: Simulate, status: str) -> None:
    lacking = {("absolute", "copy", seed): (status, "") for seed in range(2)}
    frames = simulated(seeds=2, tasks=("copy", "offset_recall"), statuses=lacking, sequences=8)
    frames = replace(frames, cells=frames.cells[frames.cells["status"] != "never begun"])
    said = "Results are of 2 seeds of each encoding on each task; without a result: absolute on copy."
    assert lines(frames)[1] == said
    ready = study(frames)
    assert ", 0–2 seeds each, " in first_screen(ready, [], set()).compared
    assert "for each encoding and task (without a result: absolute on copy)." in methods(ready)


def test_many_encodings_without_a_result_are_counted(simulated: Simulate) -> None:
    labels = ("relative", "absolute", "rope", "alibi", "none")
    lacking = {(label, "copy", 0): ("failed", "") for label in labels[1:]}
    frames = simulated(labels, seeds=1, tasks=("copy", "offset_recall"), statuses=lacking, sequences=8)
    assert lines(frames)[1].endswith("; without a result: 4 of 10 pairs of encoding and task.")


def test_replaced_runs_are_none_that_did_not_finish(simulated: Simulate) -> None:
    replaced = {("absolute", "copy", seed): ("superseded", "A later run replaces it.") for seed in range(2)}
    frames = simulated(seeds=4, tasks=("copy",), statuses=replaced, sequences=8)
    section = Unfinished().build(frames)
    assert section is not None
    assert section.title == "Runs that do not count"
    assert section.prose == (
        "2 cells of this store are superseded, because another of the same encoding and task counts instead. "
        "The results and the learning curves above leave them out."
    )
    ready = study(frames)
    assert lines(frames)[0] == "6 runs were started, and all are done."
    assert "cells done" not in first_screen(ready, [], set()).compared
    failed = replace(frames, cells=frames.cells.assign(status=["failed", *frames.cells["status"][1:]]))
    section = Unfinished().build(failed)
    assert section is not None
    assert section.title == "Runs that did not finish"
    assert section.prose.startswith("1 cell of this store is not done. ")
    assert " 2 cells of this store are superseded, " in section.prose
    assert "5 of 6 cells done" in first_screen(study(failed), [], set()).compared


def test_replaced_runs_add_no_seeds_to_those_that_were_run(simulated: Simulate) -> None:
    replaced = {
        (label, "copy", seed): ("superseded", "A later run replaces it.")
        for label in ("relative", "absolute") for seed in (2, 3)
    }  # fmt: skip
    ready = study(simulated(seeds=4, tasks=("copy",), statuses=replaced, sequences=8))
    assert "2 encodings, 1 task, 2 seeds." in describe(ready).prose


def test_it_says_which_runs_stopped_early_and_where_they_differ(simulated: Simulate) -> None:
    frames = simulated(seeds=2, tasks=("copy",), sequences=8)
    cells = frames.cells.assign(steps=[400.0, 800.0, 600.0, 800.0], torch=["2.13.0"] * 3 + ["2.14.0"])
    found = lines(replace(frames, cells=cells))
    assert found[2].startswith(
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
    assert said.startswith(f"For {n} answers the question was asked again with its source changed.")
    worst = sorted(set(asked["label"]))[1]
    assert f"a share of 0.00 ({worst} on " in said
    (said,) = (
        line for line in lines(replace(learned, predictions=right.assign(correct=False))) if "asked" in line
    )
    assert "No encoding has learned a task in all finished runs" in said
    (said,) = (line for line in lines(replace(learned, interventions=pd.DataFrame())) if "asked" in line)
    assert said.startswith("No question was asked again")


def test_it_says_which_tasks_were_never_asked_again() -> None:
    asked = sample_frames()
    (task,) = set(asked.interventions["task"])
    never = [rows.assign(cell=rows["cell"].astype(str) + "2", task="never")
             for rows in (asked.cells, asked.predictions, asked.curves)]  # fmt: skip
    both = [pd.concat([rows, more], ignore_index=True) for rows, more in
            zip((asked.cells, asked.predictions, asked.curves), never, strict=True)]  # fmt: skip
    frames = Frames(*both, interventions=asked.interventions)
    right = frames.predictions.assign(correct=True)
    (said,) = (line for line in lines(replace(frames, predictions=right)) if "asked again" in line)
    assert (
        "changed, but for none on never. Where all finished runs of an encoding have learned another task"
        in said
    )
    only = right.assign(correct=right["task"] != task)
    (said,) = (line for line in lines(replace(frames, predictions=only)) if "asked again" in line)
    assert "No encoding has learned any other task in all finished runs" in said


def test_a_share_that_others_reach_is_not_rounded_up() -> None:
    frames = sample_frames()
    asked = frames.interventions
    source = np.flatnonzero(asked["change"] == "source")
    outcome = np.where(np.arange(len(asked)) % 3 == 0, "kept", "followed")
    shown = replace(
        frames,
        predictions=frames.predictions.assign(correct=True),
        interventions=asked.assign(outcome=outcome),
    )
    shares = matching(study(shown).outcomes.overall, change="source", outcome="followed", scope=SCOPES[0])
    least = float(shares["share"].min())
    assert len(source)
    assert round(least, 2) > least  # or this test shows nothing
    (said,) = (line for line in lines(shown) if "asked again" in line)
    assert float(re.findall(r"a share of ([\d.]+) ", said)[0]) <= least


def test_it_says_where_0_is_chance_and_where_more_can_be_known(simulated: Simulate) -> None:
    frames = simulated(seeds=2, sequences=8)
    assert "A score of 0 is chance on all 3 tasks." in lines(frames)
    one = frames.predictions["task"] == "copy"
    more = frames.predictions.assign(blind=frames.predictions["blind"] + 0.1 * one)
    blind = "A score of 0 is what can be known without the farthest source (blind), which is above chance, "
    assert f"{blind}on copy, and chance on bert and offset_recall." in lines(
        replace(frames, predictions=more)
    )
    # Of a span, one position decides little: 0 is chance, although more can be known.
    span = frames.cells["distance"].where(frames.cells["task"] != "copy", "span")
    spans = replace(frames, cells=frames.cells.assign(distance=span), predictions=more)
    assert "A score of 0 is chance on all 3 tasks." in lines(spans)


def test_what_is_not_known_of_all_runs_is_not_said_of_all(simulated: Simulate) -> None:
    frames = simulated(seeds=2, tasks=("copy",), sequences=8)
    half = replace(frames, cells=frames.cells.assign(cpu=["two cores", "", None, "two cores"]))
    found = lines(half)
    assert not any("All finished runs" in line and "processor" in line for line in found)
    assert "The processor of 2 of 4 finished runs is known: two cores." in found
    ready = study(half)
    assert "on two cores and unknown processors (x86_64)." in methods(ready)
    assert not any("differ in processor" in caveat for caveat in caveats(ready))
    several = replace(frames, cells=frames.cells.assign(torch=["2.13.0", None, "2.14.0", "2.14.0"]))
    found = lines(several)
    assert "Finished runs differ in torch (2.13.0, 2.14.0)." in found
    assert "The torch of 3 of 4 finished runs is known." in found
    assert "with PyTorch 2.13.0, 2.14.0 and an unknown version and Python" in methods(study(several))


def test_a_report_of_finished_runs_answers_the_question(simulated: Simulate, tmp_path: Path) -> None:
    frames = simulated(seeds=1, tasks=("copy",), sequences=8)
    sections = [section() for section in posharness_report_sections()]
    page = HtmlCompiler().compile(frames, sections, title="A", folder=tmp_path / "study").read_text("utf-8")
    _, _, after = page.partition('<p class="question">Can I trust this?</p>')
    assert "2 runs were started, and all are done" in after
    assert "did not finish" not in after
