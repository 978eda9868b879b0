"""The batches of a cell: functions of its task, its seed and a number alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Batch, Task
from posharness.contracts.cell import Cell
from posharness.seeds import generator

__all__ = ["TrainingBatches", "chosen", "evaluation_batch", "predicted", "rows", "validation_batch"]


class TrainingBatches:
    """The training batches of steps 0, 1, …; a resumed one continues where it was interrupted.

    A step's batch depends on the task, the seed and the step, so that all encodings train on the same data.
    Lightning saves the `state_dict` of a data loader that can resume.
    """

    def __init__(self, cell: Cell, task: Task) -> None:
        self._cell = cell
        self._task = task
        self._drawn = 0

    def __len__(self) -> int:
        return self._cell.budget.steps

    def __iter__(self) -> Iterator[Batch]:
        while self._drawn < len(self):
            draws = generator("train", self._cell.task.name, self._cell.seed, self._drawn)
            self._drawn += 1
            yield self._task.sample(draws, self._cell.budget.batch, self._task.length, "train")

    def state_dict(self) -> dict[str, Any]:
        return {"drawn": self._drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._drawn = state["drawn"]


def validation_batch(cell: Cell, task: Task) -> Batch:
    """All validation sequences; every validation uses the same ones."""
    draws = generator("validation", cell.task.name, cell.seed)
    return task.sample(draws, cell.budget.validation_sequences, task.length, "validation")


def evaluation_batch(cell: Cell, task: Task, length: int) -> Batch:
    """All test sequences of one length."""
    draws = generator("test", cell.task.name, cell.seed, length)
    return task.sample(draws, cell.budget.test_sequences, length, "test")


def rows(batch: Batch, start: int, stop: int) -> Batch:
    """The sequences from `start` to `stop`, exclusive."""
    return chosen(batch, torch.arange(start, min(stop, len(batch.tokens)), device=batch.tokens.device))


def chosen(batch: Batch, which: Int[Tensor, " m"]) -> Batch:
    """The sequences with these indices."""
    parts = {f.name: value[which] for f in fields(batch) if (value := getattr(batch, f.name)) is not None}
    return replace(batch, **parts)


def predicted(batch: Batch, objective: int) -> Bool[Tensor, "b n"]:
    """The positions where an objective, given by its index, is scored."""
    if batch.objective is None:
        return batch.scored if objective == 0 else batch.scored.new_zeros(()).expand_as(batch.scored)
    return batch.scored & (batch.objective == objective)
