"""The scheduler of cells whose processes are started elsewhere: what runs next, what is tried again."""

from __future__ import annotations

import os
import time
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
from posharness.errors import HarnessWarning, UserError
from posharness.store import INTERRUPTED, Busy, Store

__all__ = ["Launched", "Launcher", "Lost", "RemoteRun", "run_remotely"]

_POLL = 0.5
"""Seconds between two looks at the running cells."""

_LONG = 60.0
"""Seconds without a running cell after which the user is told why."""

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
        """End what was given to it for cells that another run has made, without waiting for the end."""

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
        self._waiting: deque[Cell] = deque()
        self._running: dict[str, tuple[Launched, Cell]] = {}
        self._started: set[str] = set()
        self._last: dict[str, Progress] = {}
        self._lost: dict[str, str] = {}
        self._awaited: set[str] = set()
        self._tries: dict[str, int] = {}
        self._idle_since = time.monotonic()
        self._told = False

    def run_all(self, cells: Sequence[Cell], leave: Callable[[], bool]) -> None:
        for cell in cells:
            if cell.skip:
                self._job.run(cell, observe=self._observe)
            elif self._store.done(cell.key):
                self._observe(Finished(cell.key, CellOutcome("done")))
            else:
                self._waiting.append(cell)
        try:
            while self._waiting or self._running:
                self._launch()
                self._report_progress()
                self._collect()
                self._say_why_none_runs()
                if self._running:
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
            for _, cell in self._running.values():
                self._observe(Finished(cell.key, self._left_behind(cell, goes_on=goes_on)))

    def _left_behind(self, cell: Cell, *, goes_on: bool) -> CellOutcome:
        """The outcome of a cell that had not ended when the run was stopped."""
        if self._store.done(cell.key):
            return CellOutcome("done")
        if cell.key in self._awaited and self._store.live(cell.key) is not None:
            return _OTHERS
        return _LEFT if goes_on else self._interrupted(cell, INTERRUPTED)

    def _interrupted(self, cell: Cell, outcome: CellOutcome) -> CellOutcome:
        """Let the status of a cell that nobody resumes say so; its process may have left that it goes on."""
        state = self._store.status(cell.key)
        if state is None or state.status != "interrupted" or state.reason == outcome.reason:
            return outcome
        return self._record(cell, outcome)

    def _launch(self) -> None:
        free = self._at_once - len(self._running)
        cells = [self._waiting.popleft() for _ in range(min(free, len(self._waiting)))]
        if cells:
            launched = self._launcher.launch(cells, self._job)
            self._running |= {cell.key: (each, cell) for each, cell in zip(launched, cells, strict=True)}

    def _report_progress(self) -> None:
        for key in self._running:
            progress, last = self._store.live(key), self._last.get(key)
            if progress is None or progress.attempt == self._lost.get(key):
                continue
            if progress.run != self._job.run.name:
                self._say_who_makes(key)
                continue
            anew = last is not None and progress.attempt != last.attempt
            if anew and key in self._started:
                self._requeue(key)  # it waited for so short a time that no look at the queue saw it
            if anew or progress != last:
                self._start(key)
                self._last[key] = progress
                self._observe(progress)

    def _say_who_makes(self, key: str) -> None:
        """Report, once each time, that another run makes a cell."""
        if key not in self._awaited:
            self._awaited.add(key)
            self._started.discard(key)
            self._observe(Waiting(key, self._store.holder(key)))

    def _say_why_none_runs(self) -> None:
        """Tell the user, once each time, why no cell has run for long."""
        now = time.monotonic()
        if not self._running or (self._started | self._awaited) & self._running.keys():
            self._idle_since, self._told = now, False
        elif not self._told and now - self._idle_since >= _LONG:
            self._told = True
            why = self._launcher.why_waiting([launched for launched, _ in self._running.values()])
            warnings.warn(f"No cell has started for {_LONG:g} s: {why}.", HarnessWarning, stacklevel=2)

    def _start(self, key: str) -> None:
        """Report that a cell has started, once for each time that it waited."""
        self._awaited.discard(key)
        if key not in self._started:
            self._started.add(key)
            self._observe(Started(key))

    def _requeue(self, key: str) -> None:
        """Report that a cell waits to be started again."""
        self._started.discard(key)
        self._observe(Requeued(key))

    def _collect(self) -> None:
        needless = []
        for key, (launched, cell) in list(self._running.items()):
            if not launched.ended():
                if key in self._awaited and self._store.done(key):
                    del self._running[key]
                    needless.append(launched)
                    self._observe(Finished(key, CellOutcome("done")))
                elif key in self._started and launched.waits() and not self._goes_on(key):
                    self._requeue(key)
                continue
            del self._running[key]
            try:
                outcome = launched.outcome()
            except Lost as loss:
                self._tries[key] = self._tries.get(key, 0) + 1
                if loss.again and self._tries[key] <= self._retries and not self._store.done(key):
                    self._waiting.append(cell)
                    live = self._store.live(key)
                    ours = (
                        live if live is not None and live.run == self._job.run.name else self._last.get(key)
                    )
                    if ours is not None:
                        self._lost[key] = ours.attempt  # its process may report for some seconds yet
                    self._requeue(key)
                    continue
                outcome = self._record(cell, CellOutcome("crashed", str(loss)))
            if outcome.status == "interrupted":
                outcome = self._interrupted(cell, outcome)
            elif outcome.status != "skipped" and key not in self._awaited:
                self._start(key)
            self._observe(Finished(key, outcome))
        if needless:
            self._launcher.drop(needless)

    def _goes_on(self, key: str) -> bool:
        """Whether a cell runs or is done, though a queue listed some seconds ago has it waiting."""
        return self._store.live(key) is not None or self._store.done(key)

    def _record(self, cell: Cell, outcome: CellOutcome) -> CellOutcome:
        """Store the outcome of a cell whose process could not; return what the store says then."""
        with suppress(Busy, UserError), self._store.begin(cell, keep=True) as work:
            if work is not None:
                work.finish(outcome)
        return CellOutcome("done") if self._store.done(cell.key) else outcome
