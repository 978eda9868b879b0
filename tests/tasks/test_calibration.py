"""The calibration in the documentation: made by one command, complete, and each task solved and followed."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import posharness
from posharness.contracts import Task
from posharness.experiment import load_experiment
from posharness.registry.registry import Registry
from posharness.registry.selection import parse_all

from ..benchmarks.calibration_table import APART, PAGE, accuracies, filled, parts
from ..benchmarks.instrument_table import FACTORS, SOLVED, instrument

FOLLOWED, KEPT, UNCHANGED, BLIND = 0.95, 0.02, 0.98, 0.02
"""Of encodings that solve a task: the share that follows, is kept and stays; and the most over chance."""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store of two encodings on one task, two seeds each."""
    folder = str(tmp_path_factory.mktemp("calibration") / "store")
    budget = {"steps": 2, "batch": 2, "validation_sequences": 2, "test_sequences": 40}
    posharness.run(
        ["none", "rope"],
        tasks=["needle"],
        preset="smoke",
        store=folder,
        overrides={"seeds": 2, "budget": budget},
    )
    return folder


def test_the_tables_are_means_of_the_stored_rows(store: str) -> None:
    rows = posharness.load(store).predictions
    own = rows[(rows["task"] == "needle") & (rows["label"] == "rope") & (rows["length"] == 64)]
    own = own[own["decoding"] == "teacher-forced"]
    runs = accuracies([store])
    one = runs[(runs["task"] == "needle") & (runs["label"] == "rope") & (runs["factor"] == FACTORS[1])]
    assert len(one) == 2
    assert one["correct"].mean() == pytest.approx(own.groupby("seed")["correct"].mean().mean())
    table = instrument([store])
    near = table[(table["task"] == "needle") & (table["factor"] == 2.0)]
    assert near["predictions"].sum() == len(own)
    far = own[own["dependency_length"].between(32, 63)]
    bucket = near[near["distance"].map(lambda name: int(name.partition("–")[0]) >= 32)].iloc[0]
    assert bucket["predictions"] == len(far)
    assert bucket["best"] >= far.groupby("seed")["correct"].mean().mean()


def test_the_page_takes_every_part_and_keeps_the_rest(store: str) -> None:
    made = parts([store])
    page = PAGE.read_text("utf-8")
    for name, text in made.items():
        assert text in filled(page, made), name
    prose = re.compile(r"(<!-- measured: [\w-]+ -->).*?(<!-- end -->)", re.DOTALL)
    assert prose.sub(r"\1\2", filled(page, made)) == prose.sub(r"\1\2", page)
    assert filled(filled(page, made), made) == filled(page, made)
    with pytest.raises(ValueError, match="0 places for the part runs"):
        filled("no marks", made)


def table(name: str) -> pd.DataFrame:
    """A table of the page, as text."""
    found = re.search(rf"<!-- measured: {name} -->\n(.*?)<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL)
    assert found, name
    lines = [line.strip("| ").split(" | ") for line in found[1].splitlines() if line.startswith("| ")]
    if not lines:
        pytest.skip("the experiment has not been run with these tasks")
    return pd.DataFrame(lines[1:], columns=lines[0])


def error(rate: float, count: int) -> float:
    """Two standard errors of a share of so many answers."""
    return 2 * (rate * (1 - rate) / count) ** 0.5


def number(text: str) -> float:
    first = text.partition(" ")[0]
    return float("nan") if first in ("", "–") else float(first)


def test_the_page_holds_every_task_and_encoding_of_the_experiment(registry: Registry) -> None:
    experiment = load_experiment(preset="calibration")
    rows = table("accuracy")
    assert sorted(rows.columns[3:-2]) == sorted(experiment.plugins)
    asked = {registry.tasks.find(selection.name).name for selection in parse_all(experiment.tasks)}
    assert {name.partition("[")[0] for name in rows["task"]} == asked
    drawn = {name for name, cls in registry.tasks.items() if cls.prepare is Task.prepare}
    assert asked == drawn
    assert set(table("instrument")["task"]) == set(rows["task"])


def test_each_task_is_solved_by_some_encoding_and_sets_others_apart(registry: Registry) -> None:
    for row in table("accuracy").itertuples(index=False):
        task = registry.tasks.find(row.task.partition("[")[0])
        near = [number(entry) for entry in row[3:-2]]
        if task.control:
            assert max(near) < SOLVED, row.task
            continue
        assert max(near) >= SOLVED, row.task
        far = [number(entry.partition(" / ")[2]) for entry in row[3:-2]]
        assert any(min(pair) < APART for pair in zip(near, far, strict=True)), row.task


def test_answers_follow_their_source_and_blind_accuracy_is_chance(registry: Registry) -> None:
    for row in table("instrument").itertuples(index=False):
        place = (row.task, row.length, row.distance)
        if registry.tasks.find(row.task.partition("[")[0]).distance == "dependency":
            assert number(row.blind) <= number(row.chance) + BLIND, place
        if row.length != "1×" or row.followed == "–":
            continue
        followed, kept, unchanged = map(number, (row.followed, row.kept, row.unchanged))
        asked = int(row.intervened)
        assert followed >= FOLLOWED - error(FOLLOWED, asked), place
        assert kept <= KEPT + error(KEPT, asked), place
        assert unchanged >= UNCHANGED - error(UNCHANGED, asked), place
