"""Sentences follow the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames
from posharness_reports.compile.headline import headline
from posharness_reports.measures.accuracy import LEARNED, learned
from posharness_reports.measures.statistics import normalised
from posharness_reports.sections.evaluation_length.content import describe, not_learned
from posharness_reports.sections.overview.caveats import caveats
from posharness_reports.sections.overview.findings import by_task
from posharness_reports.study import study

Simulate = Callable[..., Frames]


def test_headline_is_of_the_task_that_tells_encodings_apart(simulated: Simulate) -> None:
    ready = study(simulated(seeds=4))
    said = headline(ready)
    assert said.startswith(
        "On copy beyond the training length (96 tokens instead of 48), the score is higher with relative "
        "than with absolute: normalised accuracy "
    )
    assert " with relative, " in said
    assert "; not yet learned at the training length: absolute (" in said
    assert said.endswith(
        " (4 seeds). At the training length on the same task, relative is ahead of absolute."
    )
    near, beyond = (line for line in by_task(ready) if line.startswith("On copy"))
    assert near.startswith("On copy, information carries farther with relative than with absolute: area ")
    assert said.startswith(beyond)


def test_what_differs_beyond_the_training_length_alone_is_said(simulated: Simulate) -> None:
    frames = simulated(seeds=6, tasks=("copy",))
    rows = frames.predictions
    beyond = (rows["length"] == 96) & (rows["label"] == "absolute")
    rows["correct"] = ~beyond | (rows["sequence"] % 16 == 0)
    said = headline(study(frames))
    assert said.startswith(
        "On copy beyond the training length (96 tokens instead of 48), the score is higher"
    )
    assert said.endswith(" (6 seeds). At the training length on the same task, no encodings are told apart.")
    assert "not yet learned" not in said


def test_what_few_runs_do_not_tell_apart_is_not_said_to_differ(frames: Frames) -> None:
    said = headline(study(frames))
    assert said.startswith(
        "No encodings are told apart on any of 3 tasks with dependency lengths, at the training length or "
        "beyond it. On "
    )
    assert all("no encodings are told apart" in line for line in by_task(study(frames)))
    assert len(by_task(study(frames))) == 7  # two over tasks; bert (nsp) has no distances


def test_a_large_difference_that_is_not_separated_says_why(simulated: Simulate) -> None:
    frames = simulated(seeds=2, tasks=("copy",))
    near, _ = by_task(study(frames))
    assert near.startswith("On copy, no encodings are told apart: ")
    assert "; these two can differ like this by chance, with so few seeds; not yet " in near
    frames.predictions["correct"] = True
    assert not any("by chance" in line for line in by_task(study(frames)))


def test_a_tie_whose_intervals_do_not_touch_says_why_also_where_others_are_told_apart(
    simulated: Simulate,
) -> None:
    frames = simulated(("e0", "e1", "e2", "e3"), seeds=6, tasks=("copy",))
    rows = frames.predictions
    label = rows["label"].astype(str)
    most, some = rows["sequence"] % 5 > 0, rows["seed"] % 2 == 0
    right = (label == "e0") | ((label == "e1") & most) | ((label == "e2") & some)
    near, _ = by_task(study(replace(frames, predictions=rows.assign(correct=right))))
    assert near.startswith("On copy, information carries farther with e0 than with e3: ")
    reason = "; e0 and e1 can differ like this by chance, for runs beside them vary more"
    assert re.search(r"; not told apart from e0: e1 \(0\.\d\d\) and e2 \(0\.\d\d\)" + reason, near)
    # Those that are close need no reason.
    right |= label == "e1"
    near, _ = by_task(study(replace(frames, predictions=rows.assign(correct=right))))
    assert "chance" not in near


def _all_right_or_wrong(frames: Frames) -> Frames:
    """e0 has all answers right, e1 most of them, and the others none."""
    rows = frames.predictions
    label = rows["label"].astype(str)
    right = (label == "e0") | ((label == "e1") & (rows["sequence"] % 10 > 0))
    return replace(frames, predictions=rows.assign(correct=right))


def _without(frames: Frames, label: str) -> Frames:
    """Frames in which a label has one seed."""
    cells, rows = (
        frame[(frame["label"].astype(str) != label) | (frame["seed"] == 0)]
        for frame in (frames.cells, frames.predictions)
    )
    return replace(frames, cells=cells, predictions=rows)


def test_who_has_one_seed_is_named_where_others_have_more(simulated: Simulate) -> None:
    clause = "; e{} has one seed, which tests nothing"
    two = _all_right_or_wrong(simulated(("e0", "e2"), seeds=3, tasks=("copy",)))
    four = _all_right_or_wrong(simulated(("e0", "e1", "e2", "e3"), seeds=3, tasks=("copy", "offset_recall")))
    for frames, single in ((two, 0), (two, 2), (four, 0)):
        said = by_task(study(_without(frames, f"e{single}")))
        assert said
        for line in said:
            # Of four, those with three seeds can be told apart: then the one is not among them.
            assert (clause.format(single) in line) or "no encodings are told apart" not in line
            assert "one seed of each" not in line
    # The one is named where it ties with the best, and nobody else is.
    near = next(line for line in said if line.startswith("On copy, "))
    assert "the score is higher with e1 than with e2 and e3: " in near
    assert "; not told apart from e1: e0 (1.00); e0 has one seed, which tests nothing" in near


def test_seeds_are_not_called_few_where_others_beside_them_vary(simulated: Simulate) -> None:
    frames = simulated(("e0", "e1", "e2"), seeds=12, tasks=("copy",))
    rows = frames.predictions
    label = rows["label"].astype(str)
    falls = (label == "e2") & (rows["seed"] % 2 == 0)
    right = (label == "e0") | falls | ((label == "e1") & (rows["sequence"] % 2 == 0))
    ready = study(replace(frames, predictions=rows.assign(correct=right)))
    (pair,) = (
        pair
        for pair in ready.rankings.each["copy", "copy", "at the training length"].pairs
        if {pair.better, pair.other} == {"e0", "e1"}
    )
    assert pair.p > 0.05
    assert pair.effect.overall.interval()[0] > 0.3
    near, _ = by_task(ready)
    assert "few seeds" not in near
    assert "runs beside them vary more" in near


def test_one_seed_of_each_is_said_to_test_nothing(simulated: Simulate) -> None:
    clause = "; one seed of each tests nothing"
    tasks = ("copy", "offset_recall")
    said = by_task(study(simulated(seeds=1, tasks=tasks)))
    assert said[0].startswith("Over 2 tasks")
    assert all(clause in line for line in said)
    assert not any(clause in line for line in by_task(study(simulated(seeds=2, tasks=tasks))))


def test_one_encoding_is_told_without_a_comparison(simulated: Simulate) -> None:
    said = headline(study(simulated(labels=("relative",), tasks=("copy",))))
    assert said.startswith("On copy, relative has area under accuracy by distance 1.00 [0.99, 1.00], reach ")


def test_many_encodings_are_summed_up(simulated: Simulate) -> None:
    frames = simulated(tuple(f"e{i}" for i in range(9)), tasks=("copy",), seeds=4)
    frames.predictions["correct"] = frames.predictions["label"] != "e4"
    ready = study(frames)
    assert headline(ready).startswith(
        "On copy, information carries farther with e0 than with e4: area under accuracy by distance 1.00 ["
    )
    assert headline(ready).endswith(
        "; not told apart from e0: e1 (1.00), e2 (1.00) and 5 others; not yet learned at the training "
        "length: e4 (−0.07) (4 seeds). Beyond the training length on the same task, e0 is ahead of e4."
    )
    assert "; not told apart from e0: e1 (1.00), e2 (1.00), e3 (1.00), " in by_task(ready)[0]


def test_before_anything_is_done_the_headline_counts_cells(simulated: Simulate) -> None:
    frames = simulated(default="running", statuses={("absolute", "copy", 1): ("interrupted", "")})
    assert headline(study(frames)) == "No result yet: 12 cells: 1 interrupted, 11 running."


def test_caveats_name_a_shared_machine(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy",), seeds=4, sequences=8)
    shared = frames.cells["seed"] == 0
    cells = frames.cells.assign(step_wall_ms=frames.cells["step_ms"] * shared.map({True: 2.0, False: 1.01}))
    (said,) = caveats(study(replace(frames, cells=cells)))
    done = frames.cells["status"] == "done"
    assert said.startswith(f"In {(shared & done).sum()} of {done.sum()} finished cells a step took more")


def test_all_and_the_only_cell_are_called_so(simulated: Simulate) -> None:
    for seeds, cells in ((1, "In all 2 finished cells"), (2, "In all 4 finished cells")):
        frames = simulated(tasks=("copy",), seeds=seeds, sequences=8)
        shared = replace(frames, cells=frames.cells.assign(step_wall_ms=2 * frames.cells["step_ms"]))
        assert any(said.startswith(f"{cells} a step took") for said in caveats(study(shared)))
    alone = simulated(("relative",), tasks=("copy",), seeds=1, sequences=8)
    shared = replace(alone, cells=alone.cells.assign(step_wall_ms=2 * alone.cells["step_ms"]))
    assert caveats(study(shared))[0].startswith("In the one finished cell a step took")


def test_caveats_say_where_steps_are_timed_by_the_clock(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy",), seeds=4, sequences=8)
    clocked = frames.cells["seed"] == 0
    times = frames.cells["step_wall_ms"].where(~clocked, frames.cells["step_ms"])
    (said,) = caveats(study(replace(frames, cells=frames.cells.assign(step_wall_ms=times))))
    done = frames.cells["status"] == "done"
    assert said.startswith(f"In {(clocked & done).sum()} of {done.sum()} finished cells the milliseconds")


def test_caveats_name_few_seeds_mixed_versions_and_unequal_steps(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy",), statuses={("absolute", "copy", 1): ("failed", "")})
    assert len(caveats(study(frames))) == 2
    frames.cells.loc[0, ["torch", "steps"]] = ["2.12.1", 400]
    said = caveats(study(frames))
    assert len(said) == 4
    assert "torch (2.12.1, 2.13.0)" in said[0]
    assert "400 to 800" in said[1]
    assert "one seed" in said[2]
    assert "two seeds" in said[3]


def test_four_seeds_on_one_machine_need_no_caveat(simulated: Simulate) -> None:
    assert caveats(study(simulated(tasks=("copy",), seeds=4, sequences=8))) == []


def test_runs_that_fall_into_learned_and_not_are_counted(simulated: Simulate) -> None:
    frames = simulated(tasks=("offset_recall",), seeds=4)
    rows = frames.predictions
    good = (rows["label"] == "relative") & (rows["seed"] != 2)
    frames.predictions["correct"] = good
    (said,) = caveats(study(frames))
    assert said.startswith(
        "On offset_recall, 3 of 4 runs of relative have learned the task and others have not"
    )


def test_what_is_not_learned_is_named_by_task(frames: Frames) -> None:
    said = not_learned(study(frames))
    assert [line.partition(" (")[0] for line in said] == ["copy: absolute", "offset_recall: absolute"]
    assert all("(learned by 0 of " in line for line in said)
    empty = pd.DataFrame()
    assert not_learned(study(Frames(frames.cells, empty, empty))) == []


def test_an_encoding_of_which_some_runs_have_learned_is_told_by_their_number(simulated: Simulate) -> None:
    frames = simulated(tasks=("offset_recall",), seeds=3)
    rows = frames.predictions
    poor = (rows["label"] == "absolute") & (rows["seed"] == 2)
    frames.predictions["correct"] = ~poor | (rows["sequence"] % 5 > 0)
    ready = study(frames)
    # The mean is above 90 %, and one run is below.
    assert not_learned(ready) == ["offset_recall: absolute (learned by 2 of 3 runs, mean 0.93)"]
    section = describe(ready)
    assert section is not None
    assert "from chance to perfect" in section.prose
    near, _ = by_task(ready)
    assert near.endswith("; learned at the training length by 2 of 3 runs of absolute (3 seeds).")
    assert "not yet learned" not in near


@pytest.mark.parametrize("seeds", [1, 3])
def test_beyond_the_training_length_a_run_is_compared_with_itself(simulated: Simulate, seeds: int) -> None:
    ready = study(simulated(tasks=("offset_recall",), seeds=seeds))
    rows = ready.predictions.assign(label=ready.predictions["label"].astype(str))
    mean = rows.pivot_table("correct", ["label", "seed"], "length")
    change = ((mean[64] - mean[32]) / (15 / 16)).groupby("label").mean()
    found = ready.changes.set_index("label")
    assert found["change"].to_dict() == pytest.approx(change.to_dict(), abs=1e-6)
    assert found["low"].isna().all() == (seeds == 1)


def test_farther_is_said_only_of_what_has_learned_something(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy",), seeds=6)
    rows = frames.predictions
    rows["correct"] = (rows["sequence"] % 5 == 0) & (rows["label"] == "relative")
    near, _ = by_task(study(frames))
    assert near.startswith("On copy, the score is higher with relative than with absolute: area ")
    assert "; not yet learned at the training length: relative (0.15) and absolute (" in near


def test_tasks_are_counted_and_not_their_decodings(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy", "offset_recall"))
    rows = frames.predictions
    free = rows[rows["task"] == "copy"].assign(decoding="free-running")
    both = replace(frames, predictions=pd.concat([rows, free], ignore_index=True))
    assert headline(study(both)).startswith("No encodings are told apart on any of 2 tasks, at the training")


def test_settings_of_one_task_are_one_task(simulated: Simulate) -> None:
    frames = simulated(tasks=("copy",), sequences=16)
    short = frames.cells["settings"].iloc[0] | {"steps": 100}
    again = frames.cells.assign(settings=[short] * len(frames.cells), cell="f" + frames.cells["cell"])
    rows = frames.predictions.astype({"cell": str})
    both = Frames(
        pd.concat([frames.cells, again], ignore_index=True),
        pd.concat([rows, rows.assign(cell="f" + rows["cell"])], ignore_index=True),
        pd.DataFrame(),
    )
    said = headline(study(both))
    assert said.startswith("No encodings are told apart on the only task, at the training length or beyond")


def test_a_task_of_one_encoding_is_not_among_those_that_tell_nothing_apart(simulated: Simulate) -> None:
    lacking = {("absolute", "offset_recall", seed): ("skipped", "no") for seed in range(2)}
    said = headline(study(simulated(tasks=("copy", "offset_recall"), statuses=lacking, sequences=16)))
    assert said.startswith(
        "No encodings are told apart on the only task with results of several encodings, at the training "
    )


def test_a_run_of_exactly_ninety_percent_has_learned() -> None:
    scores = normalised(np.array([0.95, 0.92]), np.array([0.5, 0.2]))
    assert (scores < LEARNED).any()  # by rounding
    rows = pd.DataFrame({"task": "t", "objective": "o", "label": "a", "normalised": scores})
    found = learned(rows.assign(length=48, train_length=48), ("t", "o", "a"))
    assert found is not None
    assert (found.count, found.runs) == (2, 2)


def test_what_is_not_told_apart_has_its_score_beside_it(simulated: Simulate) -> None:
    frames = simulated(("e0", "e1", "e2"), tasks=("copy",), seeds=12)
    rows = frames.predictions
    lucky = rows["seed"] < 6
    rows["correct"] = (rows["label"] == "e0") | ((rows["label"] == "e1") & lucky)
    near, _ = by_task(study(frames))
    assert "; not told apart from e0: e1 (0.4" in near
