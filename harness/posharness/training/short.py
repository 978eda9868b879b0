"""Short runs of a cell, to tell from them what the whole one costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from posharness.contracts.atomic_files import read_json
from posharness.contracts.cell import Cell
from posharness.model import build_model
from posharness.registry.registry import Registry
from posharness.training.batches import validation_batch
from posharness.training.run import train_cell
from posharness.training.scoring import score
from posharness.training.testing import tested_sequences

__all__ = ["ShortRun", "short_run", "validation_and_tests"]


@dataclass(frozen=True, slots=True)
class ShortRun:
    """What a short run took.

    Attributes:
        step: seconds of a training step, by the clock; the median.
        rest: seconds of all but the training steps.
        tested: sequences that were scored in the tests.
        weights: bytes of the weights.
        rows: bytes of the other files.
    """

    step: float
    rest: float
    tested: int
    weights: int
    rows: int


def short_run(
    cell: Cell, registry: Registry, folder: Path, *, cache: Path, steps: int, tests: int
) -> ShortRun:
    """Train and test a cell for fewer steps, on fewer test sequences.

    Args:
        folder: a new folder for its files.
    """
    few = {"validation_sequences": 1, "validate_every": steps, "patience": 0, "solved": 0.0}
    tested = ("test_sequences", "intervention_sequences")
    fewer = {name: min(tests, getattr(cell.budget, name)) for name in tested}
    budget = cell.budget.model_copy(update={"steps": steps, **few, **fewer})
    trainer = cell.trainer.model_copy(update={"logger": ""})
    folder.mkdir()
    began = time.perf_counter()
    short = cell.model_copy(update={"budget": budget, "trainer": trainer})
    train_cell(short, registry, folder, cache=cache, observe=lambda _: None)
    seconds = time.perf_counter() - began
    result = read_json(folder / "result.json")
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    weights = sizes.get("weights.safetensors", 0)
    step = (result["step_wall_ms"] or 0.0) / 1000
    scored = tested_sequences(budget, registry.task(cell.task, cell.body))
    rest = seconds - result["seconds"]
    return ShortRun(step, rest, scored, weights, sum(sizes.values()) - weights)


def validation_and_tests(cell: Cell, registry: Registry, cache: Path) -> tuple[float, int]:
    """Seconds of one validation, and the sequences that the tests of a whole cell score at each length."""
    task = registry.task(cell.task, cell.body)
    task.prepare(cache)
    model = build_model(cell, registry, task)
    batch = validation_batch(cell, task)
    began = time.perf_counter()
    score(model, batch, len(task.objectives), ("validation", cell.seed))
    return time.perf_counter() - began, tested_sequences(cell.budget, task)
