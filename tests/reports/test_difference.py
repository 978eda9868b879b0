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
from posharness_reports.compile.comparable import (
    Data,
    _places,
    _ranked_again,
    compare_ranks,
    compare_verdicts,
)
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.compile.difference import _told_apart
from posharness_reports.data.prepare import place_name

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
    # What a test leaves open is not shown to be noise.
    assert b"<td>not surely</td>" in found.page
    assert b"<td>no</td>" not in found.page


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
    # No test is needed: between the same runs there is no noise.
    assert all(change.beyond_noise and change.p is None for change in found.numbers)
    assert found.notes["numbers"] == (
        f"{len(found.numbers)} of them are of the very same cells in both, which differ without any noise.",
    )


def test_numbers_that_differ_are_not_shown_as_the_same(runs: Frames) -> None:
    found = _compare(runs, _worse(runs, "relative", "copy", 0.002))
    assert any(abs(change.difference or 0.0) < 0.005 for change in found.numbers)
    assert all(change.one != change.other for change in found.numbers)
    # Two decimals are enough for most.
    assert {len(change.one) for change in found.numbers} >= {len("0.12"), len("0.123")}
    assert _told_apart(-0.0012, -0.0008) == ("−0.0012", "−0.0008")


def test_a_task_with_one_objective_is_named_once(runs: Frames, simulated: Simulate) -> None:
    found = _compare(runs, _worse(runs, "relative", "offset_recall", 0.3))
    named = [change.what for change in found.numbers]
    assert any(what.startswith("relative on offset_recall: accuracy at distance ") for what in named)
    assert not any("(recall)" in what for what in named)
    # Of several, each is.
    two = simulated(seeds=3, tasks=("bert",))
    named = [change.what for change in _compare(two, _worse(two, "relative", "bert", 0.3)).numbers]
    assert all(what.startswith(("relative on bert (mlm): ", "relative on bert (nsp): ")) for what in named)


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


def test_what_one_never_ran_is_named(runs: Frames) -> None:
    never = (runs.cells["label"] == "absolute") & (runs.cells["task"] == "copy")
    part = _of_cells(runs, runs.cells["cell"][~never])
    what = "finished seeds of absolute on copy"
    for sides, texts in (((runs, part), ("0, 1, 2", "–")), ((part, runs), ("–", "0, 1, 2"))):
        found = _compare(*sides)
        assert [(change.what, change.one, change.other) for change in found.ran] == [(what, *texts)]
        assert not found.same


def test_what_failed_was_run_and_has_no_code(simulated: Simulate) -> None:
    failed = {("absolute", "copy", seed): ("failed", "It broke.") for seed in range(3)}
    sides = [simulated(seeds=3, tasks=("copy",), statuses=statuses) for statuses in ({}, failed)]
    one, other = (replace(side, cells=side.cells.assign(version="feed")) for side in sides)
    found = _compare(one, other)
    assert [(change.what, change.one, change.other) for change in found.ran] == [
        ("finished seeds of absolute on copy", "0, 1, 2", "–"),
        ("status of unfinished cells of absolute on copy", "–", "failed"),
    ]
    assert "was run" not in found.notes["ranks"][0]
    assert found.notes["verdicts"]
    assert all(
        "the second has no results of both sides on one task" in note for note in found.notes["verdicts"]
    )


def test_what_has_one_seed_is_not_tested(simulated: Simulate) -> None:
    one = simulated(seeds=1, tasks=("copy", "offset_recall"))
    worse = _worse(_with_seeds(one, "relative", {0: 5}), "relative", "copy", 0.5)
    found = _compare(one, worse)
    changes = (*found.numbers, *found.ranks, *found.verdicts)
    assert found.numbers
    # Neither beyond noise nor within it: nobody knows the noise.
    assert all(change.beyond_noise is None and change.p is None for change in changes)
    assert {change.why for change in changes} == {"one seed in the first and the second"}
    more = simulated(seeds=3, tasks=("copy", "offset_recall"))
    (why,) = {change.why for change in _compare(one, more).numbers}
    assert why == "one seed in the first"
    page = found.page.decode()
    assert f"{len(found.numbers)} not tested" in page
    assert "not tested: one seed in the first and the second" in page


def _only(frames: Frames, label: str = "", task: str = "") -> Frames:
    """Frames without a label or a task."""
    left = (frames.cells["label"] != label) & (frames.cells["task"] != task)
    return _of_cells(frames, frames.cells["cell"][left])


def test_ranks_over_other_tasks_are_made_again_over_those_of_both(
    simulated: Simulate, tmp_path: Path
) -> None:
    whole = simulated(("relative", "absolute", "rope"), seeds=3)
    part = _only(whole, task="copy")
    for sides in (whole, part), (_report(whole, tmp_path / "study"), _report(part, tmp_path / "part")):
        found = _compare(*sides)
        # The runs are the same, so over the same tasks nothing differs.
        assert not found.ranks
        assert found.compared["ranks"] > 3
        (note,) = found.notes["ranks"]
        assert "only the first has relative, absolute and rope on copy" in note.replace(
            "absolute, relative and rope", "relative, absolute and rope"
        )
    # What would be said otherwise: the rankings that the reports hold differ.
    ranks = [pd.read_csv(tmp_path / name / "data" / "ranking.csv") for name in ("study", "part")]
    over = [
        rows[rows["task"].isna()].set_index(["objective", "scope", "label"])["best_rank"] for rows in ranks
    ]
    assert not over[0].equals(over[1])


def test_ranks_among_other_encodings_are_made_again_among_those_of_both(simulated: Simulate) -> None:
    whole = simulated(("relative", "absolute", "rope"), seeds=3, tasks=("copy", "offset_recall"))
    found = _compare(whole, _only(whole, label="relative"))
    assert not found.ranks
    assert "only the first has relative on copy and offset_recall" in found.notes["ranks"][0]
    nothing = _compare(_only(whole, label="relative"), _only(_only(whole, label="absolute"), label="rope"))
    assert nothing.compared["ranks"] == 0
    assert nothing.page.count(b"<p>Nothing to compare.</p>") == sum(n == 0 for n in nothing.compared.values())
    assert nothing.notes["ranks"] == (
        "No ranks can be compared: no task has results of the same two encodings in both.",
    )


def _ranked(noise: float, **means: float) -> Data:
    """A ranking on one task of labels with eight runs each around these means."""
    spread = noise * np.array([1.0, -1.0, 0.9, -0.9, 1.0, -1.0, 0.5, -0.5])
    scores = pd.DataFrame(
        [
            {"label": label, "seed": seed, "value": value}
            for label, mean in means.items()
            for seed, value in enumerate(mean + spread)
        ]
    ).assign(posed="copy", task="copy", objective="copy", scope="all", ranked_as="teacher-forced")
    keys = ["task", "objective", "scope", "label"]
    return {
        "scores": scores,
        **_ranked_again(scores, set(scores[keys].itertuples(index=False, name=None))),
    }


def test_a_rank_rests_on_the_pairs_that_change_it() -> None:
    one = _ranked(0.01, relative=0.9, absolute=0.8, learned=0.3)
    # relative is no longer told apart from absolute, by noise alone; learned has changed, and stays behind.
    found = compare_ranks(one, _ranked(0.1, relative=0.88, absolute=0.8, learned=0.6))
    assert [(each.what.partition(":")[0], each.one, each.other) for each in found.changes] == [
        ("relative", "1", "1–2"),
        ("absolute", "2", "1–2"),
    ]
    assert [each.beyond_noise for each in found.changes] == [False, False]
    # Where the pair itself has changed, so have the ranks.
    found = compare_ranks(one, _ranked(0.01, relative=0.8, absolute=0.9, learned=0.3))
    assert [each.beyond_noise for each in found.changes] == [True, True]


def test_verdicts_are_compared_over_the_encodings_of_both(simulated: Simulate, tmp_path: Path) -> None:
    whole = simulated(("relative", "rope", "absolute"), seeds=3)
    part = _only(whole, label="rope")
    stores = _compare(whole, part)
    assert not stores.verdicts
    assert stores.notes["verdicts"][0].startswith("Judged again over the encodings and tasks that both have.")
    assert stores.compared["verdicts"] == _compare(part, part).compared["verdicts"]
    worse = _compare(
        whole, _worse(_with_seeds(part, "relative", {0: 7, 1: 8, 2: 9}), "relative", "copy", 0.9)
    )
    assert any(change.beyond_noise for change in worse.verdicts)
    # Reports hold no runs of claims: they say which of their verdicts cannot be compared, and why.
    reports = _compare(_report(whole, tmp_path / "study"), _report(part, tmp_path / "part"))
    assert reports.compared["verdicts"] < stores.compared["verdicts"]
    refused = [note for note in reports.notes["verdicts"] if "relative encodings against" in note]
    assert any("only the first has the encodings rope" in note for note in refused)
    assert all(note.endswith("Give the stores, to compare over what both have.") for note in refused)


def test_a_task_alone_makes_a_verdict_another(simulated: Simulate, tmp_path: Path) -> None:
    whole = simulated(seeds=3)
    part = _only(whole, task="copy")
    stores = _compare(whole, part)
    assert not stores.verdicts
    reports = _compare(_report(whole, tmp_path / "study"), _report(part, tmp_path / "part"))
    assert not reports.verdicts
    assert any("only the first has the tasks copy" in note for note in reports.notes["verdicts"])


def _with_steps(frames: Frames, task: str, *steps: int) -> Frames:
    """Frames in which the runs of a task were made with each of these numbers of steps, alike otherwise."""
    copies = [_only(frames, task=task)]
    own = _of_cells(frames, frames.cells["cell"][frames.cells["task"] == task])
    for n in steps:

        def other(rows: pd.DataFrame, n: int = n) -> pd.DataFrame:
            return rows.assign(cell=[f"{n}{cell}" for cell in rows["cell"].astype(str)])

        settings = pd.Series([{**given, "steps": n} for given in own.cells["settings"]], own.cells.index)
        copies.append(
            Frames(other(own.cells).assign(settings=settings), other(own.predictions), other(own.curves))
        )
    return Frames(*(
        pd.concat([getattr(each, name) for each in copies], ignore_index=True)
        for name in ("cells", "predictions", "curves")
    ))  # fmt: skip


def test_a_task_is_compared_beside_other_settings_of_it(runs: Frames, tmp_path: Path) -> None:
    one, two = _with_steps(runs, "copy", 800), _with_steps(runs, "copy", 800, 900)
    alone = _compare(one, one)
    for sides, texts in (((one, two), ("–", "copy (steps=900)")), ((two, one), ("copy (steps=900)", "–"))):
        found = _compare(*sides)
        changes = (("tasks that only one has", *texts),)
        assert tuple((change.what, change.one, change.other) for change in found.ran) == changes
        assert found.compared == alone.compared
        assert not found.numbers
        assert not found.ranks
        assert not found.verdicts
    # A verdict is over all settings of a task: without the runs, it is another one.
    reports = _compare(_report(one, tmp_path / "study"), _report(two, tmp_path / "part"))
    assert reports.compared["numbers"] == alone.compared["numbers"]
    assert reports.compared["verdicts"] == 0
    assert all("only the second has the tasks copy (steps=900)" in note for note in reports.notes["verdicts"])


def test_a_task_with_other_settings_is_another(runs: Frames) -> None:
    copy = _only(runs, task="offset_recall")
    found = _compare(copy, _with_steps(copy, "copy", 900, 1000))
    assert found.compared == {"numbers": 0, "ranks": 0, "verdicts": 0}
    for note in found.notes["verdicts"]:
        assert "as only the first has the tasks copy and only the second has the tasks copy (steps=" in note


def test_why_a_verdict_is_not_compared_is_never_empty() -> None:
    row = {"claim": "c", "better_side": "a", "other_side": "b", "decoding": "teacher-forced", "effect": 0.1}
    verdicts = pd.DataFrame([{**row, "better_labels": "a", "other_labels": "b", "tasks": "copy"}])
    scores = pd.DataFrame({"posed": ["copy"] * 2, "task": ["copy"] * 2, "label": ["a", "b"]})
    data = {"verdicts": verdicts, "scores": scores}
    # Both have the sides on one task, but no run of both is of the same encoding and task.
    (note,) = compare_verdicts(data, data, (verdicts[:0], verdicts[:0])).notes
    assert note.endswith(", as no task has results of the same encodings of both sides in both.")


def test_free_running_is_named_once(simulated: Simulate) -> None:
    assert place_name("copy", "copy (free-running)") == "copy, free-running"
    assert place_name("bert", "mlm") == "bert (mlm)"
    assert place_name("copy", "copy") == "copy"
    assert place_name("copy (steps=100)", "copy") == "copy (steps=100)"
    assert place_name("copy[symbols=8] (length 48)", "copy (free-running)") == (
        "copy[symbols=8] (length 48), free-running"
    )
    assert place_name("bert (steps=100)", "mlm") == "bert (steps=100) (mlm)"


def test_places_are_told_apart_where_each_is_a_list() -> None:
    keys = [
        (task, "o", "s", label) for label, tasks in {"a": "xy", "b": "xy", "c": "z"}.items() for task in tasks
    ]
    assert _places(keys) == "a and b on x and y; c on z"


def _report(frames: Frames, folder: Path) -> Path:
    return HtmlCompiler().compile(frames, [], claims=CLAIMS, title="A", folder=folder).parent


def test_a_folder_without_data_is_refused(runs: Frames, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a compiled report"):
        _compare(runs, tmp_path)


def _of_cells(frames: Frames, keys: pd.Series) -> Frames:
    def own(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["cell"].isin(set(keys))].reset_index(drop=True)

    return Frames(own(frames.cells), own(frames.predictions), own(frames.curves))
