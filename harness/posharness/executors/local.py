"""The local executor: each cell in a process of its own on this machine, several at a time."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from pebble import ProcessExpired
from pebble.concurrent import process

from posharness.cachedir import cache_root
from posharness.contracts import Executor, Finished, Observer, Progress, Started
from posharness.contracts.cell import Cell
from posharness.executors.forkserver import fork_server
from posharness.executors.lifeline import GRACE
from posharness.executors.worker import Ended, Job, in_one_line, run_job
from posharness.store import INTERRUPTED, Busy, Store

__all__ = ["LocalExecutor"]

_POLL = 0.2
"""Seconds between two looks at the running cells."""


class LocalExecutor(Executor):
    """One process per cell, on one thread, forked from a server that has loaded torch and the plugins."""

    name = "local"
    summary = "one process per cell on this machine"

    def execute(
        self, cells: Sequence[Cell], *, store: Path, plugin_paths: Sequence[Path], observe: Observer
    ) -> None:
        opened = Store.open(store.resolve(), create=True)
        todo = [cell for cell in cells if not cell.skip]
        for cell in cells:
            if cell.skip:
                _record(opened, cell, Ended("skipped", cell.skip))
                observe(Finished(cell.key, "skipped", cell.skip))
        if not todo:
            return
        paths = tuple(path.resolve() for path in plugin_paths)
        with fork_server("posharness.executors.preload") as context:
            _Crew(self, opened, paths, observe, context).work_off(todo)


class _Crew:
    """The running cells of one call of `execute`, and those that wait for a place among them."""

    def __init__(
        self,
        executor: LocalExecutor,
        store: Store,
        plugin_paths: tuple[Path, ...],
        observe: Observer,
        context: ForkServerContext,
    ) -> None:
        self._workers = executor.workers
        self._timeout = executor.timeout
        self._store = store
        self._plugin_paths = plugin_paths
        self._observe = observe
        self._far_end, self._lifeline = context.Pipe(duplex=False)
        # pebble's stub calls this argument mp_context, its code context.
        launcher: Any = process
        self._run: Callable[[Job, Connection], Future[Ended]] = launcher(
            name="posharness-cell", timeout=self._timeout, context=context
        )(run_job)
        self._waiting: deque[Cell] = deque()
        self._running: dict[Future[Ended], Cell] = {}
        self._told: dict[str, Progress] = {}

    def work_off(self, cells: Sequence[Cell]) -> None:
        """Run cells in their order until all have ended."""
        self._waiting.extend(cells)
        try:
            while self._waiting or self._running:
                self._launch()
                self._wait()
                self._tell()
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
        """Start waiting cells while there is room. One that another harness is making goes to the end."""
        for _ in range(len(self._waiting)):
            if len(self._running) >= self._workers:
                return
            cell = self._waiting.popleft()
            if self._store.done(cell.key):
                self._observe(Finished(cell.key, "done"))
            elif self._store.busy(cell.key):
                self._waiting.append(cell)
            else:
                job = Job(cell, self._store.path, cache_root().absolute(), Path.cwd(), self._plugin_paths)
                self._running[self._run(job, self._far_end)] = cell
                self._observe(Started(cell.key))

    def _wait(self) -> None:
        if self._running:
            wait(self._running, timeout=_POLL, return_when=FIRST_COMPLETED)
        else:
            time.sleep(_POLL)

    def _tell(self) -> None:
        for cell in self._running.values():
            progress = self._store.live(cell.key)
            self._pass_on(progress)

    def _pass_on(self, progress: Progress | None) -> None:
        if progress is not None and progress != self._told.get(progress.key):
            self._told[progress.key] = progress
            self._observe(progress)

    def _collect(self) -> None:
        for future in [future for future in self._running if future.done()]:
            cell = self._running.pop(future)
            try:
                ended = future.result()
            except Busy:
                self._waiting.append(cell)
                continue
            except Exception as error:  # noqa: BLE001 - the border of a cell, seen from outside
                ended = self._obituary(error)
                _record(self._store, cell, ended)
            self._pass_on(ended.last)
            self._observe(Finished(cell.key, ended.status, ended.reason))

    def _obituary(self, error: Exception) -> Ended:
        """How a cell ended that could not say so itself."""
        if isinstance(error, TimeoutError):
            return Ended("timeout", f"took longer than {self._timeout:g} s")
        if not isinstance(error, ProcessExpired):
            return Ended("failed", in_one_line(error))
        if error.exitcode >= 0:
            return Ended("crashed", f"its process exited with status {error.exitcode}")
        name = signal.Signals(-error.exitcode).name
        memory = " (out of memory?)" if name == "SIGKILL" else ""
        return Ended("crashed", f"its process was ended by {name}{memory}")

    def _interrupt(self) -> None:
        """Let the running cells write their checkpoints and end."""
        self._lifeline.close()
        wait(self._running, timeout=GRACE + 1)
        for future, cell in self._running.items():
            said = future.done() and not future.exception()
            ended = future.result() if said else Ended("interrupted", INTERRUPTED)
            self._observe(Finished(cell.key, ended.status, ended.reason))


def _record(store: Store, cell: Cell, ended: Ended) -> None:
    with suppress(Busy), store.begin(cell, keep=True) as work:
        if work is not None:
            work.finish(ended.status, ended.reason)
