"""The batches of a cell: functions of its task, its seed and a number alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from posharness.contracts import Batch, Task
from posharness.contracts.cell import Cell
from posharness.seeds import generator

__all__ = ["TrainingBatches", "chosen", "evaluation_batch", "predicted", "rows", "share", "validation_batch"]


class TrainingBatches:
    """The training batches of steps 0, 1, …; a resumed one continues where it was interrupted.

    A step's batch depends on the task, the seed and the step, so that all encodings train on the same data.
    Each comes once for each of its parts that are computed one after the other.
    Lightning saves the `state_dict` of a data loader that can resume.
    """

    def __init__(self, cell: Cell, task: Task) -> None:
        self._cell = cell
        self._task = task
        self._drawn = 0

    def __len__(self) -> int:
        return self._cell.budget.steps * self._cell.trainer.accumulate

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches(range(self._drawn, self._cell.budget.steps)):
            self._drawn += 1
            for _ in range(self._cell.trainer.accumulate):
                yield batch

    def state_dict(self) -> dict[str, Any]:
        return {"drawn": self._drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._drawn = state["drawn"]

    def _batches(self, steps: range) -> Iterable[Batch]:
        drawn = _Drawn(self._cell, self._task)
        if not self._cell.trainer.data_workers:
            return map(drawn.__getitem__, steps)
        return _loader(drawn, steps, self._cell.trainer.data_workers)


def _loader(drawn: _Drawn, steps: range, workers: int) -> Iterator[Batch]:
    """Batches that other processes sample ahead."""
    # The process of a cell is a daemon; what it starts ends with its process group.
    config: dict[str, Any] = vars(multiprocessing.current_process())["_config"]
    daemon = config.pop("daemon", None)
    try:
        return iter(
            DataLoader(
                drawn,
                batch_size=None,
                sampler=steps,
                num_workers=workers,
                # They sample on the CPU, with the plugins that this process has loaded.
                multiprocessing_context="fork",
                generator=torch.Generator(),  # else it draws from the global one
            )
        )
    finally:
        if daemon is not None:
            config["daemon"] = daemon


class _Drawn(Dataset[Batch]):
    """The batch of each step."""

    def __init__(self, cell: Cell, task: Task) -> None:
        self._cell = cell
        self._task = task

    def __getitem__(self, step: int) -> Batch:
        draws = generator("train", self._cell.task.name, self._cell.seed, step)
        return self._task.sample(draws, self._cell.budget.batch, self._task.length, "train")


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


def share(batch: Batch, part: int, parts: int) -> Batch:
    """One of several parts of a batch, as alike in size as they can be."""
    n = len(batch.tokens)
    return rows(batch, n * part // parts, n * (part + 1) // parts)


def chosen(batch: Batch, which: Int[Tensor, " m"]) -> Batch:
    """The sequences with these indices."""
    parts = {f.name: value[which] for f in fields(batch) if (value := getattr(batch, f.name)) is not None}
    return replace(batch, **parts)


def predicted(batch: Batch, objective: int) -> Bool[Tensor, "b n"]:
    """The positions where an objective, given by its index, is scored."""
    if batch.objective is None:
        return batch.scored if objective == 0 else batch.scored.new_zeros(()).expand_as(batch.scored)
    return batch.scored & (batch.objective == objective)
