"""The local executor: each cell in a process of its own on this machine, several at a time."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from pebble import ProcessExpired
from pebble.concurrent import process

from posharness.contracts import (
    CellOutcome,
    CellRunner,
    Event,
    Executor,
    Finished,
    Observer,
    Progress,
    Started,
)
from posharness.contracts.cell import Cell
from posharness.defaults import cache_root
from posharness.errors import UserError
from posharness.executors.forkserver import PRELOAD, fork_server
from posharness.executors.lifeline import GRACE
from posharness.executors.worker import Job, one_line, run_job
from posharness.store import INTERRUPTED, Busy, Store

__all__ = ["LocalExecutor", "LocalRunner"]

_POLL = 0.2
"""Seconds between two looks at the running cells."""

_JobResult = tuple[CellOutcome, Progress | None]
"""The return value of `run_job`."""


class LocalExecutor(Executor):
    """One process per cell, on one thread, forked from a server that has imported torch and the plugins."""

    name = "local"
    summary = "One process per cell on this machine"

    def execute(self, cells: Sequence[Cell], *, run: CellRunner, observe: Observer) -> None:
        opened = Store.open(run.store.resolve(), create=True)
        todo = [cell for cell in cells if not cell.skip]
        for cell in cells:
            if cell.skip:
                outcome = CellOutcome("skipped", cell.skip)
                _store(opened, cell, outcome)
                observe(Finished(cell.key, outcome))
        if not todo:
            return
        paths = tuple(path.resolve() for path in run.plugin_paths)
        with fork_server(PRELOAD) as context:
            memory = run.memory if isinstance(run, LocalRunner) else None
            _Pool(self, opened, paths, memory, observe, context).run_all(todo)


@dataclass(frozen=True, slots=True)
class LocalRunner:
    """Runs one cell as `LocalExecutor` does: the `CellRunner` that every executor receives."""

    store: Path
    plugin_paths: tuple[Path, ...] = ()
    memory: float | None = None

    def __call__(
        self, cell: Cell, *, timeout: float | None = None, observe: Observer = lambda _: None
    ) -> CellOutcome:
        """See `posharness.contracts.CellRunner`."""
        ended: list[CellOutcome] = []

        def watch(event: Event) -> None:
            if isinstance(event, Finished):
                ended.append(event.outcome)
            observe(event)

        LocalExecutor(timeout=timeout).execute([cell], run=self, observe=watch)
        return ended[-1]


class _Pool:
    """The running cells of one call of `execute`, and those that wait for a worker."""

    def __init__(
        self,
        executor: LocalExecutor,
        store: Store,
        plugin_paths: tuple[Path, ...],
        memory: float | None,
        observe: Observer,
        context: ForkServerContext,
    ) -> None:
        self._workers = executor.workers
        self._timeout = executor.timeout
        self._store = store
        self._plugin_paths = plugin_paths
        self._memory = memory
        self._observe = observe
        self._far_end, self._lifeline = context.Pipe(duplex=False)
        # pebble's stub calls this argument mp_context, its code context.
        launcher: Any = process
        self._run: Callable[[Job, Connection], Future[_JobResult]] = launcher(
            name="posharness-cell", timeout=self._timeout, context=context
        )(run_job)
        self._waiting: deque[Cell] = deque()
        self._running: dict[Future[_JobResult], Cell] = {}
        self._last: dict[str, Progress] = {}

    def run_all(self, cells: Sequence[Cell]) -> None:
        """Run cells in their order until all have ended."""
        self._waiting.extend(cells)
        try:
            while self._waiting or self._running:
                self._launch()
                self._wait()
                self._report_progress()
                self._collect()
        except KeyboardInterrupt:
            self._interrupt()
            raise
        finally:
            self._lifeline.close()
            self._far_end.close()
            for future in self._running:
                future.cancel()

    def _launch(self) -> None:
        """Start waiting cells while workers are free. One that another harness is running goes to the end."""
        for _ in range(len(self._waiting)):
            if len(self._running) >= self._workers:
                return
            cell = self._waiting.popleft()
            if self._store.done(cell.key):
                self._observe(Finished(cell.key, CellOutcome("done")))
            elif self._store.busy(cell.key):
                self._waiting.append(cell)
            else:
                job = Job(
                    cell,
                    self._store.path,
                    cache_root().absolute(),
                    Path.cwd(),
                    self._plugin_paths,
                    self._memory,
                )
                self._running[self._run(job, self._far_end)] = cell
                self._observe(Started(cell.key))

    def _wait(self) -> None:
        if self._running:
            wait(self._running, timeout=_POLL, return_when=FIRST_COMPLETED)
        else:
            time.sleep(_POLL)

    def _report_progress(self) -> None:
        for cell in self._running.values():
            self._pass_on(self._store.live(cell.key))

    def _pass_on(self, progress: Progress | None) -> None:
        if progress is not None and progress != self._last.get(progress.key):
            self._last[progress.key] = progress
            self._observe(progress)

    def _collect(self) -> None:
        for future in [future for future in self._running if future.done()]:
            cell = self._running.pop(future)
            try:
                outcome, last = future.result()
            except Busy:
                self._waiting.append(cell)
                continue
            except Exception as error:  # noqa: BLE001 - the border of a cell, seen from outside
                outcome, last = self._outcome_of_dead_process(error), None
                _store(self._store, cell, outcome)
            self._pass_on(last)
            self._observe(Finished(cell.key, outcome))

    def _outcome_of_dead_process(self, error: Exception) -> CellOutcome:
        """The outcome of a cell whose process returned none."""
        if isinstance(error, TimeoutError):
            return CellOutcome("timeout", f"took longer than {self._timeout:g} s")
        if not isinstance(error, ProcessExpired):
            return CellOutcome("failed", one_line(error))
        if error.exitcode >= 0:
            return CellOutcome("crashed", f"its process exited with status {error.exitcode}")
        name = signal.Signals(-error.exitcode).name
        memory = " (out of memory?)" if name == "SIGKILL" else ""
        return CellOutcome("crashed", f"its process was ended by {name}{memory}")

    def _interrupt(self) -> None:
        """Let the running cells write their checkpoints and end."""
        self._lifeline.close()
        wait(self._running, timeout=GRACE + 1)
        for future, cell in self._running.items():
            ended = future.done() and not future.exception()
            outcome = future.result()[0] if ended else INTERRUPTED
            self._observe(Finished(cell.key, outcome))


def _store(store: Store, cell: Cell, outcome: CellOutcome) -> None:
    with suppress(Busy, UserError), store.begin(cell, keep=True) as work:
        if work is not None:
            work.finish(outcome)
