"""The state of a run in progress: the running cells, the ended ones, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from posharness.contracts.executor import Finished, Progress, Started

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell
    from posharness.contracts.executor import Event
    from posharness.contracts.outcome import CellOutcome

__all__ = ["Running", "Tracker"]


@dataclass
class Running:
    """A cell that is being trained.

    Attributes:
        since: when it started.
        last: its latest progress.
    """

    since: float
    last: Progress | None = None
    _anchor: tuple[float, Progress] | None = None

    def record(self, progress: Progress, now: float) -> None:
        """Record a progress; each stage has its own pace."""
        if self._anchor is None or self._anchor[1].stage != progress.stage:
            self._anchor = (now, progress)
        self.last = progress

    def left(self, now: float) -> float | None:
        """Seconds left in this stage at its mean pace; None before there is one."""
        if self._anchor is None or self.last is None:
            return None
        began, first = self._anchor
        steps = self.last.step - first.step
        if steps <= 0 or now <= began:
            return None
        return max(0.0, (now - began) / steps * (self.last.steps - self.last.step))


@dataclass
class Tracker:
    """The state of a run.

    Attributes:
        cells: every cell to run, by key.
        workers: how many cells run at a time.
        clock: seconds that only grow.
        running: the running cells.
        ended: the outcome of each ended cell.
        seconds: how long each of those took.
        scores: the last validation score of each of those, where there is one.
    """

    cells: Mapping[str, Cell]
    workers: int
    clock: Callable[[], float] = time.monotonic
    running: dict[str, Running] = field(default_factory=dict)
    ended: dict[str, CellOutcome] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def record(self, event: Event) -> None:
        """Record an event."""
        now = self.clock()
        if isinstance(event, Started):
            self.running[event.key] = Running(now)
        elif isinstance(event, Progress):
            self.running.setdefault(event.key, Running(now)).record(event, now)
        elif isinstance(event, Finished):
            if began := self.running.pop(event.key, None):
                self.seconds[event.key] = now - began.since
                self.scores[event.key] = began.last.score if began.last else None
            self.ended[event.key] = event.outcome

    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began

    def left(self) -> float | None:
        """Seconds until the last cell ends, from the pace of the running and the length of those that ended.

        A cell that waits is expected to take what others of its task took. None while nothing is known.
        """
        now = self.clock()
        running = [left for cell in self.running.values() if (left := cell.left(now)) is not None]
        waiting = [key for key in self.cells if key not in self.ended and key not in self.running]
        if (self.running and not running) or (waiting and not (self.seconds or running)):
            return None
        expected = [self._expected(key, now) for key in waiting]
        at_once = max(1, min(self.workers, len(self.running) + len(waiting)))
        return max([(sum(running) + sum(expected)) / at_once, *running], default=0.0)

    def _expected(self, key: str, now: float) -> float:
        lengths = dict(self.seconds)
        for other, cell in self.running.items():
            if (left := cell.left(now)) is not None:
                lengths[other] = now - cell.since + left
        alike = [length for other, length in lengths.items() if self._kind(other) == self._kind(key)]
        return fmean(alike or lengths.values())

    def _kind(self, key: str) -> tuple[str, str]:
        cell = self.cells[key]
        return cell.task.label, cell.body_name
