"""Evaluates one reading on a pretrained model, and writes its files."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from posharness.contracts import CellOutcome, Progress, UserError
from posharness.contracts.atomic_files import write_json
from posharness.contracts.cell import Cell
from posharness.pretrained import Pretrained, open_stored, open_transformers
from posharness.pretrained.model import best_device
from posharness.reading.answers import answered, predictions
from posharness.registry.registry import Registry
from posharness.seeds import generator
from posharness.store import Store
from posharness.training.environment import environment
from posharness.training.progress_reporter import ProgressReporter

__all__ = ["read_cell"]


def read_cell(
    cell: Cell,
    registry: Registry,
    folder: Path,
    *,
    store: Store,
    cache: Path,
    observe: Callable[[Progress], None],
) -> CellOutcome:
    """Evaluate a reading on a pretrained model. The same cell gives the same predictions bit for bit.

    Files, all in `folder`:
        predictions.parquet, environment.json: as for a trained cell.
        result.json: as for a trained cell, with 0 steps; `score` is the accuracy of the first objective.

    Args:
        folder: an existing folder of this cell alone.
        store: the store of the cell that trained the model.
        cache: the folder of prepared corpora.
        observe: called with the progress, at most four times a second.

    Returns:
        "done", or "skipped" where the store does not hold the model.

    Raises:
        UserError: the text or the external model is missing, or that model has changed.
    """
    if not cell.where and not store.done(cell.pretrained):
        return CellOutcome("skipped", f"the cell {cell.pretrained[:8]} that trains its model is not done")
    began = time.perf_counter()
    reporter = ProgressReporter(cell.key, 0, observe)
    with torch.random.fork_rng(devices=[]):
        model = _open(cell, registry, store, cache)
        reading = registry.reading(cell.task)
        reading.prepare(cache)
        random = generator("reading", cell.task.name, cell.seed)
        answers = reading.read(model, lambda: model.untrained(cell.seed), random, reporter.evaluating)
    frame = predictions(answers, reading)
    frame.to_parquet(folder / "predictions.parquet", index=False)
    scored = (frame["objective"] == reading.objectives[0]) & (frame["condition"] == "")
    score = float(frame.loc[scored, "correct"].mean())
    facts = {
        "steps": 0,
        "seconds": time.perf_counter() - began,
        "max_length": model.max_length,
        "distance": reading.distance,
        "undefined_lengths": [],
        "objectives": answered(answers, reading),
        "strata": list(reading.strata),
        "sizes": dict(reading.sizes),
        "score": score,
    }
    write_json(folder / "result.json", _of_model(cell, store) | facts)
    write_json(folder / "environment.json", environment(best_device()) | _library(cell))
    reporter.score = score
    reporter.evaluating(1, 1)
    return CellOutcome("done")


def _open(cell: Cell, registry: Registry, store: Store, cache: Path) -> Pretrained:
    if not cell.where:
        parent = store.cell(cell.pretrained)
        return open_stored(parent, store.weights_path(cell.pretrained), registry, cache)
    model = open_transformers(cell.where)
    if model.identity != cell.pretrained:
        raise UserError(
            f"The model {cell.where} has changed since this run began; give the same command again."
        )
    return model


def _of_model(cell: Cell, store: Store) -> dict[str, Any]:
    """The parameters and the family of a model of the store; None for an external one."""
    results = {} if cell.where else store.results(cell.pretrained)
    return {name: results.get(name) for name in ("parameters", "encoding_parameters", "family")}


def _library(cell: Cell) -> dict[str, str]:
    return {"transformers": version("transformers")} if cell.where else {}
