"""The contract of an executor: it carries cells to where they are trained, and reports how they fare."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell

__all__ = ["Event", "Executor", "Finished", "Observer", "Progress", "Started", "Status"]

Status = Literal["done", "failed", "diverged", "timeout", "crashed", "interrupted", "skipped"]


@dataclass(frozen=True, slots=True)
class Started:
    """A cell began."""

    key: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a cell is. `score` is the last validation score; None before the first."""

    key: str
    stage: Literal["training", "evaluating"]
    step: int
    steps: int
    loss: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A cell ended, and its folder is in the store. `reason` is one line, empty when done."""

    key: str
    status: Status
    reason: str = ""


Event = Started | Progress | Finished
Observer = Callable[[Event], None]


class Executor(Named, ABC):
    """Runs cells, each in its own process, and leaves one folder for each in the store."""

    def __init__(self, *, workers: int = 1, timeout: float | None = None) -> None:
        self.workers = workers
        self.timeout = timeout

    @abstractmethod
    def execute(
        self, cells: Sequence[Cell], *, store: Path, plugin_paths: Sequence[Path], observe: Observer
    ) -> None:
        """Run every cell to a status; returns when all have one.

        A cell that raises, diverges, dies or exceeds `timeout` (seconds) ends alone: the others go on.
        On KeyboardInterrupt the running cells are stopped and marked interrupted, and it is raised again.

        Args:
            plugin_paths: single-file plugins that the workers load before they build a cell.
            observe: called in the calling process, in order, with what happens.
        """
