"""The local executor: each cell in a process of its own on this machine, several at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path
from uuid import uuid4

from posharness.contracts import (
    CellOutcome,
    CellRunner,
    Event,
    Executor,
    Finished,
    Observer,
    Progress,
    Started,
    Waiting,
)
from posharness.contracts.cell import Cell
from posharness.defaults import cache_root
from posharness.executors.cell_log import LONGEST, cap_log
from posharness.executors.cell_process import CellProcess, wait_for_any
from posharness.executors.endings import ended_since, record
from posharness.executors.forkserver import PRELOAD, fork_server
from posharness.executors.gpu_shares import GpuShares, at_once
from posharness.executors.nursery import Nursery
from posharness.executors.worker import Job
from posharness.gpus import visible_gpus
from posharness.parent_death import GRACE
from posharness.store import INTERRUPTED, CellStatus, Store
from posharness.store.layout import LOG, WORK

__all__ = ["LocalExecutor", "LocalRunner"]

_POLL = 0.2
"""Seconds between two looks at the running cells."""


class LocalExecutor(Executor):
    """One process per cell, on one thread, forked from a server that has imported torch and the plugins."""

    name = "local"
    summary = "One process per cell on this machine"

    def at_once(self, cells: Sequence[Cell]) -> int:
        return at_once(cells, self.workers, visible_gpus())

    def execute(self, cells: Sequence[Cell], *, run: CellRunner, observe: Observer) -> None:
        opened = Store.open(run.store.resolve(), create=True)
        todo = [cell for cell in cells if not cell.skip]
        for cell in cells:
            if cell.skip:
                outcome = CellOutcome("skipped", cell.skip)
                record(opened, cell, outcome)
                observe(Finished(cell.key, outcome))
        if not todo:
            return
        own = run
        if not isinstance(own, LocalRunner):
            own = LocalRunner(run.store, tuple(run.plugin_paths), name=run.name)
        with fork_server(PRELOAD) as context:
            _Pool(self, opened, own, observe, context).run_all(todo)


@dataclass(frozen=True, slots=True)
class LocalRunner:
    """Runs one cell as `LocalExecutor` does: the `CellRunner` that every executor receives.

    Attributes:
        memory: GB that the process of a cell may allocate beyond what it starts with; None for no limit.
        needed: which of the plugin paths a cell imports, by key; one that is not in it imports all.
        name: see `CellRunner.name`.
    """

    store: Path
    plugin_paths: tuple[Path, ...] = ()
    memory: float | None = None
    needed: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    name: str = field(default_factory=lambda: uuid4().hex)

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
        run: LocalRunner,
        observe: Observer,
        context: ForkServerContext,
    ) -> None:
        self._workers = executor.workers
        self._timeout = executor.timeout
        self._store = store
        self._run = run
        self._observe = observe
        self._context = context
        self._far_end, self._lifeline = context.Pipe(duplex=False)
        self._waiting: deque[Cell] = deque()
        self._running: dict[CellProcess, Cell] = {}
        self._gpus = GpuShares(visible_gpus(), executor.workers)
        self._last: dict[str, Progress] = {}
        self._awaited: set[str] = set()
        self._before: dict[str, CellStatus | None] = {}
        self._nurseries: dict[tuple[Path, ...], Nursery] = {}
        self._ended: list[Nursery] = []

    def run_all(self, cells: Sequence[Cell]) -> None:
        """Run cells in their order until all have ended."""
        self._waiting.extend(cells)
        self._before = {cell.key: self._store.ended(cell.key) for cell in cells}
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
            for process in self._running:
                process.kill()
                process.close()
            for nursery in (*self._nurseries.values(), *self._ended):
                nursery.close()

    def _launch(self) -> None:
        """Start waiting cells while workers are free. One that another harness is running goes to the end."""
        for _ in range(len(self._waiting)):
            if len(self._running) >= self._workers:
                return
            cell = self._waiting.popleft()
            if (outcome := ended_since(self._store, cell.key, self._before[cell.key])) is not None:
                self._observe(Finished(cell.key, outcome))
            elif self._store.busy(cell.key) or (gpus := self._gpus.take(cell)) is None:
                self._waiting.append(cell)
            else:
                self._running[self._start(cell, gpus)] = cell
                self._observe(Started(cell.key))

    def _start(self, cell: Cell, gpus: tuple[str, ...]) -> CellProcess:
        needed = self._run.needed.get(cell.key, self._run.plugin_paths)
        paths = tuple(path.resolve() for path in needed)
        nursery = self._nurseries.get(paths)
        if paths and (nursery is None or nursery.ended()):
            if nursery is not None:
                self._ended.append(nursery)
            nursery = self._nurseries[paths] = Nursery(self._context, paths)
        folders = (self._store.path, cache_root().absolute(), Path.cwd())
        job = Job(cell, *folders, paths, self._run.memory, gpus, self._run.name)
        return CellProcess(self._context, job, self._far_end, nursery=nursery, timeout=self._timeout)

    def _wait(self) -> None:
        if self._running:
            wait_for_any([*self._running], _POLL)
        else:
            for cell in self._waiting:
                self._say_who_makes(cell)
            time.sleep(_POLL)

    def _say_who_makes(self, cell: Cell) -> None:
        if cell.key not in self._awaited and self._store.busy(cell.key):
            self._awaited.add(cell.key)
            self._observe(Waiting(cell.key, self._store.holder(cell.key)))

    def _report_progress(self) -> None:
        for cell in self._running.values():
            self._pass_on(self._store.live(cell.key))
            cap_log(self._store.path / WORK / cell.key / LOG, above=2 * LONGEST)

    def _pass_on(self, progress: Progress | None) -> None:
        if progress is not None and progress != self._last.get(progress.key):
            self._last[progress.key] = progress
            self._observe(progress)

    def _collect(self) -> None:
        for process in [process for process in self._running if process.ended()]:
            cell = self._running.pop(process)
            answer = process.close()
            self._gpus.give_back(process.gpus)
            if answer.outcome is None:
                self._waiting.append(cell)
                self._awaited.add(cell.key)
                self._observe(Waiting(cell.key, self._store.holder(cell.key)))
                continue
            self._pass_on(answer.last)
            outcome = answer.outcome if answer.stored else record(self._store, cell, answer.outcome)
            self._observe(Finished(cell.key, outcome))

    def _interrupt(self) -> None:
        """Let the running cells write their checkpoints and end."""
        self._lifeline.close()
        end = time.monotonic() + GRACE + 1
        while (left := [each for each in self._running if not each.ended()]) and time.monotonic() < end:
            wait_for_any(left, _POLL)
        for process, cell in self._running.items():
            process.kill() if process in left else None
            answer = process.close()
            outcome = answer.outcome if answer.outcome and answer.stored else self._interrupted(cell)
            self._observe(Finished(cell.key, outcome))
        self._running.clear()

    def _interrupted(self, cell: Cell) -> CellOutcome:
        return CellOutcome("done") if self._store.done(cell.key) else INTERRUPTED
