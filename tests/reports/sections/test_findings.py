"""Sentences follow the numbers."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from posharness.contracts import Frames
from posharness_reports.compile.headline import headline
from posharness_reports.sections.evaluation_length.content import not_learned
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.sections.overview.findings import by_task
from posharness_reports.study import study

Simulate = Callable[..., Frames]


def test_headline_is_of_the_task_that_tells_encodings_apart(frames: Frames) -> None:
    said = headline(study(frames))
    assert said.startswith("On copy, information carries over ≥ 46 tokens with relative; ")
    assert said.endswith(" with absolute (1–2 seeds).")


def test_a_task_that_none_learns_is_said_to_be_so(frames: Frames) -> None:
    said = by_task(study(frames))
    assert len(said) == 3
    assert said[0].startswith("On bert (mlm), no encoding reaches 90 % of the way from chance to perfect")


def test_many_encodings_are_summed_up(simulated: Simulate) -> None:
    ready = study(simulated(tuple(f"e{i}" for i in range(9)), tasks=("copy",), sequences=16))
    assert "; 6 others in between; over 0 tokens with e0 (2 seeds)." in headline(ready)
    assert "; 3 others in between; over 0 tokens with e0 (2 seeds)." in by_task(ready)[0]


def test_encodings_that_reach_as_far_are_named_together(simulated: Simulate) -> None:
    frames = simulated(tuple(f"e{i}" for i in range(9)), tasks=("copy",), sequences=16)
    frames.predictions["correct"] = frames.predictions["label"] != "e4"
    ready = study(frames)
    assert headline(ready) == (
        "On copy, information carries over ≥ 46 tokens with e0, e1 and 6 others; "
        "over 0 tokens with e4 (2 seeds)."
    )
    assert "with e0, e1, e2, e3, e5 and 3 others; over 0 tokens with e4" in by_task(ready)[0]


def test_before_anything_is_done_the_headline_counts_cells(simulated: Simulate) -> None:
    frames = simulated(default="running", statuses={("absolute", "copy", 1): ("interrupted", "")})
    assert headline(study(frames)) == "No result yet: 12 cells: 1 interrupted, 11 running."


def test_caveats_name_few_seeds_mixed_versions_and_unequal_steps(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy",), statuses={("absolute", "copy", 1): ("failed", "")})
    assert len(caveats(study(frames))) == 2
    frames.cells.loc[0, ["torch", "steps"]] = ["2.12.1", 400]
    said = caveats(study(frames))
    assert len(said) == 4
    assert "torch (2.12.1, 2.13.0)" in said[0]
    assert "400 to 800" in said[1]
    assert "one seed" in said[2]
    assert "2 seeds" in said[3]


def test_four_seeds_on_one_machine_need_no_caveat(simulated: Simulate) -> None:
    assert caveats(study(simulated(tasks=("copy",), seeds=4, sequences=8))) == []


def test_what_is_not_learned_is_named_by_task(frames: Frames) -> None:
    said = not_learned(study(frames))
    assert [line.partition(" (")[0] for line in said] == ["copy: absolute", "offset_recall: absolute"]
    empty = pd.DataFrame()
    assert not_learned(study(Frames(frames.cells, empty, empty))) == []
