"""The share of a training step that is neither the model nor its optimiser: bookkeeping, and drawing data."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from torch.nn.utils import clip_grad_norm_

from posharness.contracts import Task
from posharness.contracts.cell import Budget, Cell
from posharness.defaults import cache_root
from posharness.model import build_model
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.batches import TrainingBatches
from posharness.training.checkpoint import Checkpoints, StopSignal
from posharness.training.optimiser import adamw
from posharness.training.progress_reporter import ProgressReporter
from posharness.training.trainer import quiet, trainer
from posharness.training.training_step import TrainingModule
from posharness.training.validation import ValidationCallback

__all__ = ["shares_of_step"]

_STEPS, _WARM = 120, 20


class _Clock(pl.Callback):
    """The processor time at the end of each step."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.process_time())


def shares_of_step(name: str) -> tuple[float, float]:
    """The shares of a step that bookkeeping and data take, of a task with its default settings.

    A step as cells make it is compared with one of a bare loop over the same model and data (medians).
    """
    torch.set_num_threads(1)
    registry = Registry.load()
    task_class = registry.tasks.find(name)
    cell = Cell(
        encoding=registry.select(registry.encodings, Selection("relative", {})),
        attention=registry.select(registry.attentions, Selection("softmax", {})),
        body=task_class.bodies[0],
        task=registry.choose(task_class, {}),
        budget=Budget(steps=_STEPS, validate_every=2 * _STEPS, validation_sequences=1),
    )
    task = registry.task(cell.task, cell.body)
    task.prepare(cache_root())
    whole = _step_of_cell(cell, registry, task)
    bare, data = _step_of_loop(cell, registry, task)
    return (whole - bare) / whole, data / whole


def _step_of_cell(cell: Cell, registry: Registry, task: Task) -> float:
    clock = _Clock()
    with quiet(), tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        kept = Checkpoints(folder / "checkpoint.ckpt", StopSignal(), cell)
        validation = ValidationCallback(cell, task, ProgressReporter(cell.key, _STEPS, lambda _: None))
        module = TrainingModule(cell, build_model(cell, registry, task), task.objectives)
        trainer(cell, folder, [validation, kept, clock]).fit(module, TrainingBatches(cell, task))
    return median(b - a for a, b in zip(clock.ends[_WARM:-1], clock.ends[_WARM + 1 : -1], strict=False))


def _step_of_loop(cell: Cell, registry: Registry, task: Task) -> tuple[float, float]:
    module = TrainingModule(cell, build_model(cell, registry, task), task.objectives)
    model = module.model.train()
    optimiser, weights = adamw(model, cell.optimiser), list(model.parameters())
    steps: list[float] = []
    draws: list[float] = []
    batches = iter(TrainingBatches(cell, task))
    for _ in range(_STEPS):
        began = time.process_time()
        batch = next(batches)
        draws.append(time.process_time() - began)
        optimiser.zero_grad()
        module.training_step(batch, 0).backward()
        clip_grad_norm_(weights, 1.0)
        optimiser.step()
        steps.append(time.process_time() - began)
    return median(steps[_WARM:]), median(draws[_WARM:])
