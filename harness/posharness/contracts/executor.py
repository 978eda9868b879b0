"""The contract of an executor, which runs cells and reports their progress and outcome."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from posharness.contracts.outcome import CellOutcome
from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell

__all__ = [
    "CellRunner",
    "Event",
    "Executor",
    "Finished",
    "Observer",
    "Progress",
    "Requeued",
    "Started",
    "Waiting",
]


@dataclass(frozen=True, slots=True)
class Started:
    """A cell began."""

    key: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a running cell.

    Attributes:
        score: the last validation score; None before the first one.
        resumed: the number of training steps that earlier attempts had made.
        run: the name of the run whose process reports it: see `CellRunner.name`.
        attempt: which attempt at the cell reports it: a name that no other has. Equal progress may be of two.
    """

    key: str
    stage: Literal["training", "evaluating"]
    step: int
    steps: int
    loss: float | None = None
    score: float | None = None
    resumed: int = 0
    run: str = field(default="", compare=False)
    attempt: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """A cell ended, and its folder is in the store."""

    key: str
    outcome: CellOutcome


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another run makes this cell, also if this one has started it, and its end is awaited.

    Attributes:
        holder: which process, where and since when.
    """

    key: str
    holder: str


@dataclass(frozen=True, slots=True)
class Requeued:
    """The process of a cell ended without an outcome, and the cell waits to be started again.

    It goes on from its checkpoint, if it has one. `Started` is reported again before its next progress.
    """

    key: str


Event = Started | Progress | Finished | Waiting | Requeued
Observer = Callable[[Event], None]


class CellRunner(Protocol):
    """Runs one cell in a new process on this machine, and puts its results into the store.

    It can be pickled, and called in another process or on another machine with the same folders.
    """

    @property
    def store(self) -> Path:
        """The store's folder."""

    @property
    def plugin_paths(self) -> Sequence[Path]:
        """The single-file plugins, which are loaded before a cell is built."""

    @property
    def name(self) -> str:
        """The name of the run: no other has it, and its cells report their progress with it."""

    def __call__(
        self, cell: Cell, *, timeout: float | None = None, observe: Observer = lambda _: None
    ) -> CellOutcome:
        """Run the cell, and record its outcome in the store. A cell with a reason to skip it is skipped.

        Call it in the main thread. If another process is running the cell, it waits for the end.

        Args:
            timeout: seconds that the cell may take; None for no limit.
            observe: receives the events of the cell.

        Raises:
            KeyboardInterrupt: Ctrl-C; the cell is recorded as interrupted.
        """


class Executor(Named, ABC):
    """Decides where and when each cell runs. Every cell has its own process and its own folder in the store.

    The harness sets `workers` and `timeout`. Further parameters of the constructor are keyword-only,
    annotated and have defaults; `--executor NAME[param=value]` sets them.

    Attributes:
        elsewhere: whether cells run on other machines. Then `workers` is no limit unless the user gives one.
        several_nodes: whether it gives a cell the machines that `trainer.num_nodes` asks for.
        workers: the largest number of cells that run at a time; `sys.maxsize` for no limit.
        timeout: seconds that one cell may take; None for no limit.
        leave_running: asked after Ctrl-C, where cells can go on without the harness: whether they do. Set by
            the harness.
    """

    elsewhere: ClassVar[bool] = False
    several_nodes: ClassVar[bool] = False

    def __init__(self, *, workers: int = 1, timeout: float | None = None) -> None:
        self.workers = workers
        self.timeout = timeout
        self.leave_running: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Check that what it needs is on this machine; called before anything is prepared.

        Raises:
            UserError: it is not.
        """

    def at_once(self, cells: Sequence[Cell]) -> int | None:
        """How many of these cells run at a time, at least 1; None if that is not known, as on a cluster."""
        return None if self.workers == sys.maxsize else max(1, min(self.workers, len(cells)))

    @abstractmethod
    def execute(self, cells: Sequence[Cell], *, run: CellRunner, observe: Observer) -> None:
        """Run every cell until all of them have ended.

        A cell that fails, diverges, crashes or exceeds `timeout` does not stop the others.

        Args:
            run: runs one cell.
            observe: called with each event, in order, in the calling process.

        Raises:
            KeyboardInterrupt: Ctrl-C; the running cells are stopped first and recorded as interrupted.
        """
