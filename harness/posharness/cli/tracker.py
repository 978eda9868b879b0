"""The state of a run in progress: the running cells, the ended ones, and the time that is left."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posharness.cli.expectation import Expectation
from posharness.contracts.executor import Progress, Requeued, Started, Waiting

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell
    from posharness.contracts.executor import Event
    from posharness.contracts.outcome import CellOutcome
    from posharness.cost.amount import Amount

__all__ = ["Running", "Tracker"]

_PART = 0.05
"""The least part of a training from which the whole of it follows."""

_FEW = 0.02
"""The part of a stage that says nothing of its pace where its start is in it: the first step is slow."""

_INSTANT = 0.1
"""Seconds within which no cell starts and ends: its start was reported only when it had ended."""


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
    _warm: tuple[float, Progress] | None = None
    _training: tuple[float, Progress] | None = None
    _step: int = 0

    def record(self, progress: Progress, now: float) -> None:
        """Record a progress; each stage has its own pace, and so has what follows a checkpoint."""
        first = self._anchor[1] if self._anchor else None
        if first is None or (first.stage, first.resumed) != (progress.stage, progress.resumed):
            self._anchor, self._warm = (now, progress), None
            if first is None or first.resumed != progress.resumed:
                self._training = None  # what was heard before a checkpoint was read is no step
            if progress.stage == "training":
                self._training = self._anchor
        elif self._warm is None:
            self._warm = (now, progress)
        if progress.stage == "training":
            self._step = progress.step
        elif self.trained is None:
            self.trained = now
        self.last = progress

    def left(self, now: float) -> float | None:
        """Seconds left in this stage at its mean pace; None before there is one."""
        for anchor in (self._warm, self._anchor):  # what comes before the first steps is not of the pace
            if anchor is None or self.last is None:
                continue
            began, first = anchor
            steps = self.last.step - first.step
            if first.step == 0 and steps < _FEW * self.last.steps:
                continue
            if steps > 0 and now > began:
                return max(0.0, (now - began) / steps * (self.last.steps - self.last.step))
        return None

    def made(self) -> float:
        """The part of the training that is done."""
        if self.trained is not None:
            return 1.0
        return self.last.step / max(1, self.last.steps) if self.last else 0.0

    def whole_training(self, end: float) -> float | None:
        """Seconds of a whole training that ends then, if all of it had the pace of this attempt.

        None if an earlier attempt has done all that is worth mention.
        """
        if self._training is None:  # it was too short to be heard of, or there was none
            return None if self.last and self.last.resumed else end - self.since
        began, first = self._training
        steps = first.steps if self.trained is None else self._step  # it may have ended before its last step
        part = 1 - first.step / max(1, steps)
        return None if part < _PART else began - self.since + (end - began) / part


@dataclass
class Tracker:
    """The state of a run.

    Attributes:
        cells: every cell to run, by key.
        amounts: how much each of those that train computes.
        workers: how many cells run at a time; None if that is not known: the most that did.
        clock: seconds that only grow.
        running: the running cells.
        ended: the outcome of each ended cell.
        seconds: how long each of those took, without the time for which it waited to be started again.
        scores: the last validation score of each of those, where there is one.
    """

    cells: Mapping[str, Cell]
    amounts: Mapping[str, Amount]
    workers: int | None
    clock: Callable[[], float] = time.monotonic
    running: dict[str, Running] = field(default_factory=dict)
    ended: dict[str, CellOutcome] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float | None] = field(default_factory=dict)
    _training: dict[str, float | None] = field(default_factory=dict)
    _testing: dict[str, float] = field(default_factory=dict)
    _made: dict[str, float] = field(default_factory=dict)
    _spent: dict[str, float] = field(default_factory=dict)
    _most: int = 1

    def __post_init__(self) -> None:
        self.began = self.clock()

    def record(self, event: Event) -> None:
        """Record an event."""
        now = self.clock()
        if isinstance(event, Started):
            self.running[event.key] = Running(now)
            self._most = max(self._most, len(self.running))
        elif isinstance(event, Progress):
            self.running.setdefault(event.key, Running(now)).record(event, now)
        elif isinstance(event, Waiting | Requeued):
            if begun := self.running.pop(event.key, None):
                if isinstance(event, Requeued):
                    self._spent[event.key] = self._spent.get(event.key, 0.0) + now - begun.since
                self._made[event.key] = max(begun.made(), self._made.get(event.key, 0.0))
        else:
            if began := self.running.pop(event.key, None):
                self.seconds[event.key] = self._spent.get(event.key, 0.0) + now - began.since
                self.scores[event.key] = began.last.score if began.last else None
                seen = began.last or (event.key not in self._made and now - began.since > _INSTANT)
                if event.outcome.status == "done" and seen:  # what breaks off says nothing of the others
                    trained = began.trained or now
                    self._testing[event.key] = now - trained
                    self._training[event.key] = began.whole_training(trained)
            self.ended[event.key] = event.outcome

    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began

    def left(self) -> float | None:
        """Seconds until the last cell ends, from the pace of the running and the length of those that ended.

        None while nothing is known. Readings of which no length is known do not count: see `unknown`.
        """
        now = self.clock()
        expected = self._expectation(now)
        rest = [self._rest(key, now, expected) for key in self.running]
        whole = [expected.whole(key, made=self._made.get(key, 0.0)) for key in self._waiting()]
        if None in rest or None in whole:
            return None
        at_once = max(1, min(self.workers or self._most, len(rest) + len(whole)), len(rest))
        free = [*(left or 0.0 for left in rest), *[0.0] * (at_once - len(rest))]
        heapq.heapify(free)
        for seconds in whole:  # each goes to the worker that is free first
            heapq.heapreplace(free, free[0] + (seconds or 0.0))
        return max(free)

    def unknown(self) -> int:
        """The number of readings whose length is not known."""
        now = self.clock()
        paced = {key for key, cell in self.running.items() if cell.left(now) is not None}
        left = {*self._waiting(), *self.running} - paced
        readings = [key for key in left if self.cells[key].pretrained]
        if not readings:
            return 0
        expected = self._expectation(now)
        return sum(not expected.whole(key) for key in readings)

    def _waiting(self) -> list[str]:
        return [key for key in self.cells if key not in self.ended and key not in self.running]

    def _expectation(self, now: float) -> Expectation:
        """What follows from the cells that are done, and from the running ones."""
        expected = Expectation(self.cells, self.amounts)
        for key, training in self._training.items():
            expected.add(key, training=training, testing=self._testing.get(key))
        for key, cell in self.running.items():
            left = cell.left(now)
            if cell.trained is not None:
                testing = None if left is None else now + left - cell.trained
                expected.add(key, training=cell.whole_training(cell.trained), testing=testing)
            elif left is not None:
                expected.add(key, training=cell.whole_training(now + left), testing=None)
        return expected

    def _rest(self, key: str, now: float, expected: Expectation) -> float | None:
        """Seconds until a running cell ends; None while nothing is known."""
        cell = self.running[key]
        if (left := cell.left(now)) is not None:
            return left if cell.trained else left + (expected.test(key) or 0.0)
        if cell.trained is not None and not self.cells[key].pretrained:
            whole, since = expected.test(key), cell.trained
        else:
            whole, since = expected.whole(key, made=self._made.get(key, 0.0)), cell.since
        return None if whole is None else max(0.0, whole - (now - since))
