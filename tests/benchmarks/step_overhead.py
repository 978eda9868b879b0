"""The share of a training step that is neither the model nor its optimiser: bookkeeping, and drawing data."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from posharness.contracts import Batch
from posharness.contracts.cell import Budget, Cell
from posharness.defaults import cache_root
from posharness.model import build_model
from posharness.registry.registry import Registry
from posharness.registry.selection import Selection
from posharness.training.batches import TrainingBatches
from posharness.training.checkpoint import Checkpoints, StopSignal
from posharness.training.progress_reporter import ProgressReporter
from posharness.training.trainer import quiet, trainer
from posharness.training.training_step import TrainingModule
from posharness.training.validation import ValidationCallback

__all__ = ["shares_of_step"]

_STEPS, _WARM = 120, 20


class _Clock(pl.Callback):
    """The processor time at the end of each step, and that of its parts so far."""

    def __init__(self) -> None:
        self.model = self.data = 0.0
        self.ends: list[tuple[float, float, float]] = []

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.ends.append((time.process_time(), self.model, self.data))

    @contextmanager
    def of_model(self) -> Iterator[None]:
        """Count what runs as time of the model or its optimiser."""
        began = time.process_time()
        yield
        self.model += time.process_time() - began

    def drawn(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches; drawing them is counted."""
        while True:
            began = time.process_time()
            batch = next(batches, None)
            self.data += time.process_time() - began
            if batch is None:
                return
            yield batch

    def parts(self) -> Sequence[tuple[float, float, float]]:
        """Of each step after the first ones its seconds, and the model's and the data's of them."""
        kept = self.ends[_WARM:]
        return [
            tuple(b - a for a, b in zip(*pair, strict=True))  # type: ignore[misc]
            for pair in pairwise(kept)
        ]


class _Clocked(TrainingModule):
    """Counts what a bare loop would do, too: the loss, its gradient, clipping, and the optimiser's step."""

    clock: _Clock

    def training_step(self, *given: Any) -> Tensor:
        with self.clock.of_model():
            return super().training_step(*given)

    def backward(self, loss: Tensor, *given: Any, **named: Any) -> None:
        with self.clock.of_model():
            super().backward(loss, *given, **named)

    def optimizer_zero_grad(self, *given: Any) -> None:
        with self.clock.of_model():
            super().optimizer_zero_grad(*given)

    def configure_gradient_clipping(self, *given: Any, **named: Any) -> None:
        with self.clock.of_model():
            super().configure_gradient_clipping(*given, **named)

    def configure_optimizers(self) -> Any:
        found = super().configure_optimizers()
        optimiser = found["optimizer"]
        step = optimiser.step

        def clocked(closure: Callable[[], Any]) -> Any:
            loss = closure()  # the rest of this class counts itself
            with self.clock.of_model():
                step()
            return loss

        optimiser.step = clocked
        return found


class _ClockedBatches(TrainingBatches):
    clock: _Clock

    def __iter__(self) -> Iterator[Batch]:
        return self.clock.drawn(super().__iter__())


def shares_of_step(name: str) -> tuple[float, float]:
    """The shares of a step that bookkeeping and data take, of a task with its default settings.

    Bookkeeping is all that a bare loop over the same model and data would not do (medians of the steps).
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
    clock = _Clock()
    with quiet(), tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        kept = Checkpoints(folder / "checkpoint.ckpt", StopSignal(), cell)
        validation = ValidationCallback(cell, task, ProgressReporter(cell.key, _STEPS, lambda _: None))
        module = _Clocked(cell, build_model(cell, registry, task), task.objectives)
        batches = _ClockedBatches(cell, task)
        module.clock = batches.clock = clock
        trainer(cell, folder, [validation, kept, clock]).fit(module, batches)
    # The last step validates.
    steps = clock.parts()[:-1]
    bookkeeping = median((whole - model - data) / whole for whole, model, data in steps)
    return bookkeeping, median(data / whole for whole, _, data in steps)
