"""The scheduler of cells whose processes are started elsewhere: what runs next, what is tried again."""

from __future__ import annotations

import os
import time
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from posharness.contracts import (
    CellOutcome,
    CellRunner,
    Finished,
    Observer,
    Progress,
    Requeued,
    Started,
    Waiting,
)
from posharness.contracts.cell import Cell
from posharness.defaults import cache_root
from posharness.errors import HarnessWarning
from posharness.executors.endings import ended_since, record
from posharness.parent_death import GRACE
from posharness.store import INTERRUPTED, CellStatus, Store

__all__ = ["Launched", "Launcher", "Lost", "RemoteRun", "run_remotely"]

_POLL = 0.5
"""Seconds between two looks at the running cells."""

_LONG = 60.0
"""Seconds without a running cell after which the user is told why."""

_FAREWELL = GRACE + 4.0
"""Seconds for which a cell's process may hold its lock after the process that started it is gone."""

_LEFT = CellOutcome("interrupted", "it goes on elsewhere; the next run takes its result")
_OTHERS = CellOutcome("interrupted", "another run makes it; the next run takes its result")


class Lost(Exception):
    """The process of a cell ended without an outcome; the message says how.

    Attributes:
        again: whether it may help to start it again, as after the loss of its machine.
    """

    def __init__(self, how: str, *, again: bool) -> None:
        super().__init__(how)
        self.again = again


class Launched(Protocol):
    """A cell that was given to a launcher."""

    def ended(self) -> bool:
        """Whether it has an outcome, or is lost."""

    def waits(self) -> bool:
        """Whether it waits for a machine, as far as is known: at first, or again after its process ended."""

    def outcome(self) -> CellOutcome:
        """The outcome, which is in the store.

        Raises:
            Lost: there is none.
        """


class Launcher(ABC):
    """How the process of a cell comes to be on another machine."""

    @abstractmethod
    def launch(self, cells: Sequence[Cell], job: RemoteRun) -> list[Launched]:
        """Start the process of each cell, at once or when there is room."""

    @abstractmethod
    def why_waiting(self, waiting: Sequence[Launched]) -> str:
        """Why cells that were given to it have not started, in a few words."""

    @abstractmethod
    def drop(self, needless: Sequence[Launched]) -> None:
        """End what was given to it for cells that another run makes, without waiting for the end."""

    @abstractmethod
    def stop(self, running: Sequence[Launched]) -> None:
        """Let cells write their checkpoints and end, and wait for it some seconds."""


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """What another machine needs to run a cell; it can be pickled.

    Attributes:
        directory: the working directory of the harness, for files that are named relative to it.
        cache: the folder of prepared corpora.
    """

    run: CellRunner
    timeout: float | None
    directory: Path
    cache: Path

    @classmethod
    def here(cls, run: CellRunner, timeout: float | None) -> RemoteRun:
        """With the folders of this process."""
        return cls(run, timeout, Path.cwd(), cache_root().absolute())

    def __call__(self, cell: Cell) -> CellOutcome:
        """Run the cell in a new process on the machine where this is called."""
        os.chdir(self.directory)
        os.environ["POSHARNESS_CACHE"] = str(self.cache)
        return self.run(cell, timeout=self.timeout)


def run_remotely(
    cells: Sequence[Cell],
    launcher: Launcher,
    job: RemoteRun,
    observe: Observer,
    *,
    at_once: int,
    retries: int,
    leave: Callable[[], bool] = lambda: False,
) -> None:
    """Run cells in their order until all have ended.

    Args:
        leave: asked after Ctrl-C: whether the cells go on.
        at_once: the number of cells that are given to the launcher at a time.
        retries: how often a cell is started again whose process was lost with its machine.
    """
    _Scheduler(launcher, job, observe, at_once, retries).run_all(cells, leave)


@dataclass
class _Entry:
    """A cell that has not ended: it waits to be launched, is held back for another run, or is launched.

    Attributes:
        before: the state in which it had ended when the run began; None if it had not.
        made: whose process makes it, as far as its progress shows: this run's, another run's, or none.
        last: the latest progress of this run's process; None also if another run has made the cell since.
        lost: the attempt whose process was lost; it may report for some seconds yet.
        losses: how often its process was lost.
    """

    cell: Cell
    before: CellStatus | None
    made: Literal["by none", "here", "elsewhere"] = "by none"
    last: Progress | None = None
    lost: str | None = None
    losses: int = 0

    @property
    def key(self) -> str:
        return self.cell.key


class _Scheduler:
    def __init__(
        self, launcher: Launcher, job: RemoteRun, observe: Observer, at_once: int, retries: int
    ) -> None:
        self._launcher = launcher
        self._job = job
        self._observe = observe
        self._at_once = at_once
        self._retries = retries
        self._store = Store.open(job.run.store, create=True)
        self._waiting: deque[_Entry] = deque()
        self._running: dict[str, tuple[Launched, _Entry]] = {}
        self._idle_since = time.monotonic()
        self._told = False

    def run_all(self, cells: Sequence[Cell], leave: Callable[[], bool]) -> None:
        for cell in cells:
            if cell.skip:
                self._job.run(cell, observe=self._observe)
            else:
                self._waiting.append(_Entry(cell, self._store.ended(cell.key)))
        try:
            while self._waiting or self._running:
                self._launch()
                for _, entry in self._running.values():
                    self._look(entry)
                self._collect()
                self._say_why_none_runs()
                if self._waiting or self._running:
                    time.sleep(_POLL)
        except BaseException as error:
            goes_on = False
            try:
                goes_on = type(error) is KeyboardInterrupt and bool(self._running) and leave()
            finally:  # an exception, such as one more Ctrl-C, is a "no"
                self._stop(goes_on=goes_on)
            raise

    def _stop(self, *, goes_on: bool) -> None:
        """Stop the cells that run, unless they go on, and report them."""
        try:
            if not goes_on:
                self._launcher.stop([launched for launched, _ in self._running.values()])
        finally:
            for _, entry in self._running.values():
                self._observe(Finished(entry.key, self._left_behind(entry, goes_on=goes_on)))

    def _left_behind(self, entry: _Entry, *, goes_on: bool) -> CellOutcome:
        """The outcome of a cell that had not ended when the run was stopped."""
        if (outcome := self._ended(entry)) is not None:
            return outcome
        if entry.made == "elsewhere":
            return _OTHERS
        return _LEFT if goes_on else self._interrupted(entry, INTERRUPTED)

    def _interrupted(self, entry: _Entry, outcome: CellOutcome) -> CellOutcome:
        """Let the status of a cell that nobody resumes say so; its process may have left that it goes on.

        The status of a cell that another run has made since is that run's.
        """
        state = self._store.status(entry.key)
        ours = entry.last is not None and entry.made != "elsewhere"
        if not ours or state is None or state.status != "interrupted" or state.reason == outcome.reason:
            return outcome
        return record(self._store, entry.cell, outcome)

    def _ended(self, entry: _Entry) -> CellOutcome | None:
        """The outcome of a cell that has ended since the run began, here or elsewhere; None for another."""
        return ended_since(self._store, entry.key, entry.before)

    def _launch(self) -> None:
        """Launch waiting cells while there is room. One that another run makes is held back, at the end."""
        ready: list[_Entry] = []
        for _ in range(len(self._waiting)):
            if len(self._running) + len(ready) >= self._at_once:
                break
            entry = self._waiting.popleft()
            self._look(entry)
            if entry.made == "by none" and entry.lost is None and self._store.busy(entry.key):
                self._hold(entry)  # it begins or ends there, and has no progress
            if (outcome := self._ended(entry)) is not None:
                self._observe(Finished(entry.key, outcome))
            elif entry.made == "elsewhere":
                self._waiting.append(entry)
            else:
                ready.append(entry)
        if ready:
            launched = self._launcher.launch([entry.cell for entry in ready], self._job)
            self._running |= {entry.key: (each, entry) for each, entry in zip(launched, ready, strict=True)}

    def _look(self, entry: _Entry) -> None:
        """See in the store who makes a cell, and report it with its progress."""
        progress = self._store.live(entry.key)
        if progress is None:
            # A cell that ends has no progress while its folder moves, but is locked.
            gone = entry.made == "elsewhere" and not self._store.busy(entry.key)
            if gone and self._ended(entry) is None:
                self._requeue(entry)
        elif progress.attempt == entry.lost:
            return
        elif progress.run != self._job.run.name:
            self._hold(entry)
        else:
            anew = entry.last is not None and progress.attempt != entry.last.attempt
            if anew and entry.made == "here":
                self._requeue(entry)  # it waited for so short a time that no look at the queue saw it
            if anew or progress != entry.last:
                self._start(entry)
                entry.last = progress
                self._observe(progress)

    def _hold(self, entry: _Entry) -> None:
        """Report, once each time, that another run makes a cell."""
        if entry.made != "elsewhere":
            entry.made, entry.last = "elsewhere", None
            self._observe(Waiting(entry.key, self._store.holder(entry.key)))

    def _start(self, entry: _Entry) -> None:
        """Report that a cell has started, once for each time that it waited."""
        if entry.made != "here":
            entry.made = "here"
            self._observe(Started(entry.key))

    def _requeue(self, entry: _Entry) -> None:
        """Report that a cell waits to be started again."""
        entry.made = "by none"
        self._observe(Requeued(entry.key))

    def _say_why_none_runs(self) -> None:
        """Tell the user, once each time, why no launched cell has run for long."""
        now = time.monotonic()
        waiting = [launched for launched, entry in self._running.values() if entry.made == "by none"]
        if not waiting or any(entry.made == "here" for _, entry in self._running.values()):
            self._idle_since, self._told = now, False
        elif not self._told and now - self._idle_since >= _LONG:
            self._told = True
            why = self._launcher.why_waiting(waiting)
            warnings.warn(f"No cell has started for {_LONG:g} s: {why}.", HarnessWarning, stacklevel=2)

    def _collect(self) -> None:
        """Report the cells that have ended, and take back those that another run makes."""
        needless: list[Launched] = []
        try:
            for launched, entry in list(self._running.values()):
                if launched.ended():
                    self._end(launched, entry)
                elif entry.made == "here":
                    if launched.waits() and not self._goes_on(entry):
                        self._requeue(entry)
                elif entry.made == "elsewhere":
                    outcome = self._ended(entry)
                    if outcome is None and launched.waits():
                        continue  # it keeps its place in the queue, and holds no machine
                    needless.append(launched)
                    del self._running[entry.key]
                    if outcome is None:
                        self._waiting.append(entry)
                    else:
                        self._observe(Finished(entry.key, outcome))
        finally:
            if needless:
                self._launcher.drop(needless)

    def _end(self, launched: Launched, entry: _Entry) -> None:
        """Report the outcome of a cell whose process has ended, or let it wait to be launched again."""
        try:
            outcome = launched.outcome()
        except Lost as loss:
            entry.losses += 1
            if loss.again and entry.losses <= self._retries and self._ended(entry) is None:
                self._lose(entry)
                return
            outcome = self._ended(entry) or record(
                self._store, entry.cell, CellOutcome("crashed", str(loss)), patience=_FAREWELL
            )
        if outcome.status == "interrupted":
            outcome = self._ended(entry) or self._interrupted(entry, outcome)
        if outcome.status not in ("interrupted", "skipped") and entry.made != "elsewhere":
            self._start(entry)
        del self._running[entry.key]
        self._observe(Finished(entry.key, outcome))

    def _lose(self, entry: _Entry) -> None:
        """Let a cell whose process was lost wait to be launched again."""
        self._look(entry)
        if entry.last is not None:
            entry.lost = entry.last.attempt
        del self._running[entry.key]
        self._waiting.append(entry)
        if entry.made != "elsewhere":
            self._requeue(entry)

    def _goes_on(self, entry: _Entry) -> bool:
        """Whether a cell runs or has ended, though a queue listed some seconds ago has it waiting."""
        return self._store.live(entry.key) is not None or self._ended(entry) is not None
