"""Readings run as cells: after what they read, once, and with the same bits whoever makes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from posharness.api import execute
from posharness.contracts import Event, Finished, Progress, Started
from posharness.contracts.cell import Cell
from posharness.execution import Execution, RunSummary
from posharness.executors import LocalExecutor, LocalRunner
from posharness.experiment import load_experiment
from posharness.reports import compile_report
from posharness.results import load
from posharness.store import Store

PLUGINS = [(Path(__file__).parents[1] / name) for name in ("asker.py", "filler.py")]
TINY = {
    "tasks": ["filling"],
    "seeds": 1,
    "model": {"width": 12, "heads": 2, "layers": 1},
    "budget": {"steps": 3, "batch": 5, "test_sequences": 5, "validation_sequences": 5, "validate_every": 2},
}


pytestmark = pytest.mark.usefixtures("warm_server")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readings")
    (folder / "text.conllu").write_text("a b c d\nb c d e f\nh h g\n")
    return folder


Run = Callable[..., RunSummary]


@pytest.fixture(scope="module")
def run(place: Path) -> Iterator[Run]:
    def start(
        *, store: str = "runs", workers: int = 2, observe: Any = lambda _: None, **changes: Any
    ) -> RunSummary:
        given = {**TINY, "readings": ["asking"], "treebank": str(place / "text.conllu"), **changes}
        experiment = load_experiment(preset="smoke", overrides=given)
        return execute(experiment, Execution(place / store, workers, plugin_paths=PLUGINS, observe=observe))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSHARNESS_CACHE", str(place / "cache"))
        yield start


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def first(run: Run, told: list[Event]) -> RunSummary:
    return run(plugins=["rope,alibi"], observe=told.append)


def split(summary: RunSummary) -> tuple[list[Cell], list[Cell]]:
    """The trained cells, and the readings."""
    planned = summary.planned
    return [c for c in planned if not c.pretrained], [c for c in planned if c.pretrained]


def test_what_is_read_is_trained_first(first: RunSummary, told: list[Event]) -> None:
    trained, readings = split(first)
    assert (len(trained), len(readings)) == (2, 2)
    assert first.counts == {"done": 4}
    begun = [event.key for event in told if isinstance(event, Started)]
    assert set(begun[:2]) == {cell.key for cell in trained}
    ended = [event.key for event in told if isinstance(event, Finished)]
    assert set(ended[:2]) == {cell.key for cell in trained}
    for cell in readings:
        progress = [event for event in told if isinstance(event, Progress) and event.key == cell.key]
        assert {event.stage for event in progress} == {"evaluating"}
        assert progress[-1].score is not None


def test_a_reading_leaves_what_a_trained_cell_leaves_but_training(first: RunSummary, place: Path) -> None:
    trained, readings = split(first)
    store = Store.open(place / "runs", create=False)
    for cell in readings:
        names = {path.name for path in store.home(cell.key).iterdir()}
        assert names == {
            *(
                "cell.json",
                "status.json",
                "checksums.json",
                "result.json",
                "environment.json",
                "predictions.parquet",
                "log.txt",
            ),
            *("plugins.json", "plugins"),
        }
    frames = [pd.read_parquet(store.home(c.key) / "predictions.parquet") for c in (trained[0], readings[0])]
    for name, kind in frames[0].dtypes.items():
        other = frames[1].dtypes[name]
        both = isinstance(kind, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype)
        assert both or kind == other, name
    assert list(frames[0].columns) == list(frames[1].columns)
    assert set(frames[1]["objective"]) == {"word"}
    assert set(frames[1]["condition"]) == {"", "untrained"}
    assert set(frames[1]["stratum"]) == {"first", "later"}
    facts, parent = store.results(readings[0].key), store.results(readings[0].pretrained)
    assert facts["objectives"] == ["word"]
    assert (facts["steps"], facts["parameters"]) == (0, parent["parameters"])
    assert facts["score"] == frames[1].loc[frames[1]["condition"] == "", "correct"].mean()


def test_the_store_and_its_report_hold_readings_beside_the_others(first: RunSummary, place: Path) -> None:
    trained, readings = split(first)
    results = load(place / "runs")
    rows = results.cells.set_index("cell")
    assert [rows.loc[cell.key, "pretrained"] for cell in trained] == ["", ""]
    assert [rows.loc[cell.key, "pretrained"] for cell in readings] == [cell.key for cell in trained]
    assert [rows.loc[cell.key, "label"] for cell in readings] == ["rope", "alibi"]
    assert set(results.curves["cell"]) == {cell.key for cell in trained}
    assert set(results.predictions["cell"]) == set(rows.index)
    page = compile_report(place / "runs", plugin_paths=PLUGINS)
    assert "This section failed" not in page.read_text()


def test_what_is_read_is_not_read_again(first: RunSummary, run: Run, place: Path) -> None:
    again = run(plugins=["rope,alibi"])
    assert (again.counts["done"], len(again.reused)) == (0, 4)
    moved = place / "moved.conllu"
    shutil.copy(place / "text.conllu", moved)
    assert len(run(plugins=["rope,alibi"], treebank=str(moved)).reused) == 4
    more = run(plugins=["rope,alibi"], reading={"asking": {"params": {"most": 1}}})
    assert (more.counts["done"], len(more.reused)) == (2, 2)
    moved.write_text("a b\n")
    changed = run(plugins=["rope"], treebank=str(moved))
    assert (changed.counts["done"], len(changed.reused)) == (1, 1)


def test_one_worker_or_two_bring_the_same_bits(first: RunSummary, run: Run, place: Path) -> None:
    alone = run(plugins=["alibi,rope"], store="alone", workers=1)
    assert {cell.key for cell in alone.planned} == {cell.key for cell in first.planned}
    for cell in alone.planned:
        here, there = (place / store / "cells" / cell.key for store in ("alone", "runs"))
        name = "predictions.parquet"
        assert (here / name).read_bytes() == (there / name).read_bytes()


def test_without_its_model_a_reading_is_skipped(run: Run) -> None:
    summary = run(plugins=["fragile"])
    (trained,), (reading,) = split(summary)
    assert summary.outcomes[trained.key].status == "failed"
    ended = summary.outcomes[reading.key]
    assert ended.status == "skipped"
    assert ended.reason == "the training of its model ended as failed: RuntimeError: it broke"
    assert summary.failed


def test_a_worker_that_finds_no_model_skips_too(first: RunSummary, place: Path) -> None:
    _, readings = split(first)
    events: list[Event] = []
    LocalExecutor(workers=1).execute(
        readings[:1], run=LocalRunner(place / "empty", tuple(PLUGINS)), observe=events.append
    )
    assert isinstance(events[-1], Finished)
    assert (events[-1].outcome.status, "is not done" in events[-1].outcome.reason) == ("skipped", True)


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("raise", "ValueError: no luck today"),
        ("silent", "ValueError: The reading asking gave no answer."),
        ("stray", "ValueError: The reading asking gave the objective 'stray', which it does not declare."),
        (
            "changed",
            "ValueError: The reading asking gave the condition 'changed', which it does not declare.",
        ),
    ],
)
@pytest.mark.usefixtures("first")
def test_a_reading_that_breaks_ends_alone(run: Run, mood: str, reason: str) -> None:
    summary = run(plugins=["rope"], readings=[f"asking[mood={mood}]", "asking"])
    _, (bad, good) = split(summary)
    assert (summary.outcomes[bad.key].status, summary.outcomes[bad.key].reason) == ("failed", reason)
    assert good.key in summary.reused
