"""The calibration in the documentation: complete, and each task solved by some encoding and not by all."""

from __future__ import annotations

from pathlib import Path

import pytest

from posharness.contracts import Task
from posharness.experiment import load_experiment
from posharness.registry.registry import Registry
from posharness.registry.selection import parse_all

from ..benchmarks.calibration_table import APART, SOLVED

PAGE = Path(__file__).parents[2] / "docs" / "results" / "calibration.md"


def table() -> tuple[list[str], dict[str, dict[str, tuple[float, float]]]]:
    """The encodings, and each task's accuracies with each: at the training length, and at twice that."""
    first = PAGE.read_text("utf-8").partition("\n| task ")[2].partition("\n\n")[0]
    lines = [line.strip("| ").split(" | ") for line in f"task {first}".splitlines() if line[:2] != "|-"]
    head, *rows = lines
    labels = head[3:-2]
    return labels, {
        row[0]: {
            label: (number(entry.split(" / ")[0]), number(entry.split(" / ")[1]))
            for label, entry in zip(labels, row[3:-2], strict=True)
        }
        for row in rows
    }


def number(text: str) -> float:
    return float("nan") if text == "–" else float(text)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def test_the_page_holds_every_task_and_encoding_of_the_experiment(registry: Registry) -> None:
    experiment = load_experiment(preset="calibration")
    labels, rows = table()
    assert sorted(labels) == sorted(experiment.plugins)
    asked = {registry.tasks.find(selection.name).name for selection in parse_all(experiment.tasks)}
    assert {name.partition("[")[0] for name in rows} == asked
    drawn = {name for name, cls in registry.tasks.items() if cls.prepare is Task.prepare}
    assert asked == drawn


def test_each_task_is_solved_by_some_encoding_and_sets_others_apart(registry: Registry) -> None:
    for name, row in table()[1].items():
        task = registry.tasks.find(name.partition("[")[0])
        near = [accuracy for accuracy, _ in row.values()]
        if task.control:
            assert max(near) < SOLVED, name
            continue
        assert max(near) >= SOLVED, name
        assert any(min(pair) < APART for pair in row.values()), name
