"""The contract of an executor: it runs cells somewhere, and reports their progress and their outcome."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from posharness.contracts.outcome import CellOutcome
from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell

__all__ = ["Event", "Executor", "Finished", "Observer", "Progress", "Started"]


@dataclass(frozen=True, slots=True)
class Started:
    """A cell began."""

    key: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a cell. `score` is the last validation score; None before the first."""

    key: str
    stage: Literal["training", "evaluating"]
    step: int
    steps: int
    loss: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A cell ended, and its folder is in the store."""

    key: str
    outcome: CellOutcome


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
        """Run every cell until all of them have ended.

        A cell that raises, diverges, dies or exceeds `timeout` (seconds) does not stop the others. On
        KeyboardInterrupt the running cells are stopped and marked interrupted, and it is raised again.

        Args:
            plugin_paths: single-file plugins that the workers load before they build a cell.
            observe: called with each event, in order, in the calling process.
        """
