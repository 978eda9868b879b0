"""The state of a run in progress: the running cells, the ended ones, and the time that is left."""

from __future__ import annotations

import heapq
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
        trained: when its training ended and its test began; None before that.
    """

    since: float
    last: Progress | None = None
    trained: float | None = None
    _anchor: tuple[float, Progress] | None = None
    _resumed: float = 0.0

    def record(self, progress: Progress, now: float) -> None:
        """Record a progress; each stage has its own pace, and so has what follows a checkpoint."""
        first = self._anchor[1] if self._anchor else None
        if first is None or (first.stage, first.resumed) != (progress.stage, progress.resumed):
            self._anchor = (now, progress)
        if progress.stage == "training":
            self._resumed = progress.resumed / progress.steps
        elif self.trained is None:
            self.trained = now
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

    def from_start(self, training: float, testing: float) -> float:
        """How long a cell takes from its start, if an earlier attempt had not begun it.

        Args:
            training: seconds of this attempt's training.
            testing: seconds of its test.
        """
        return training / max(1e-3, 1 - self._resumed) + testing


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
    _whole: dict[str, float] = field(default_factory=dict)
    _testing: dict[str, float] = field(default_factory=dict)

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
                trained = began.trained or now
                if event.outcome.status == "done":
                    self._testing[event.key] = now - trained
                self._whole[event.key] = began.from_start(trained - began.since, now - trained)
            self.ended[event.key] = event.outcome

    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began

    def left(self) -> float | None:
        """Seconds until the last cell ends, from the pace of the running and the length of those that ended.

        A cell that waits is expected to take what others of its kind took: those with its encoding on its
        task; else those of its task; else, for each step, all others. None while nothing is known.
        """
        now = self.clock()
        rest = {key: self._rest(key, now) for key in self.running}
        known = {**self._whole}
        for key, cell in self.running.items():
            if (left := cell.left(now)) is not None:
                ends = cell.trained or now + left
                testing = now + left - cell.trained if cell.trained else self._test_of(key)
                known[key] = cell.from_start(ends - cell.since, testing)
        waiting = [key for key in self.cells if key not in self.ended and key not in self.running]
        unknown = [key for key, left in rest.items() if left is None]
        if (waiting or unknown) and not known:
            return None
        for key in unknown:
            rest[key] = max(0.0, self._alike(key, known) - (now - self.running[key].since))
        at_once = max(1, min(self.workers, len(rest) + len(waiting)), len(rest))
        free = [*(left or 0.0 for left in rest.values()), *[0.0] * (at_once - len(rest))]
        heapq.heapify(free)
        for key in waiting:  # each goes to the worker that is free first
            heapq.heapreplace(free, free[0] + self._alike(key, known))
        return max(free)

    def _rest(self, key: str, now: float) -> float | None:
        """Seconds until a running cell ends; None while it has no pace."""
        cell = self.running[key]
        left = cell.left(now)
        return left if left is None or cell.trained else left + self._test_of(key)

    def _test_of(self, key: str) -> float:
        return self._alike(key, self._testing) if self._testing else 0.0

    def _alike(self, key: str, known: Mapping[str, float]) -> float:
        """The mean of what is known of the cells most like this one, by the number of steps."""
        for alike in (lambda cell: (cell.label, *_task(cell)), _task, lambda _: ()):
            found = [
                seconds / self.cells[other].budget.steps
                for other, seconds in known.items()
                if alike(self.cells[other]) == alike(self.cells[key])
            ]
            if found:
                return fmean(found) * self.cells[key].budget.steps
        raise ValueError("nothing is known of any cell")


def _task(cell: Cell) -> tuple[str, str]:
    return cell.task.label, cell.body_name
