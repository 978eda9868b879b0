"""What whole cells will cost, measured in short runs of them."""

from __future__ import annotations

import math
import os
import resource
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from pathlib import Path

from posharness.contracts.cell import Cell
from posharness.cost.cells import CellCost, kind_of_cost, of_processes
from posharness.errors import UserError
from posharness.executors.forkserver import PRELOAD, fork_server
from posharness.executors.gpu_shares import GpuShares
from posharness.gpus import visible_gpus
from posharness.temporary import temporary_folder

__all__ = ["measure_cells"]

_FIRST, _LATER = 4, 16
"""Test sequences of the two short runs, from which the time of one more follows."""

_SECONDS = 3.0
"""Seconds of training in the second short run."""

_START = 0.5
"""Seconds until the process of a cell has started."""

_DIED = "its process was ended, perhaps for lack of memory"


def measure_cells(
    cells: Sequence[Cell],
    plugin_paths: Sequence[Path],
    cache: Path,
    announce: Callable[[str], None],
    *,
    workers: int,
) -> dict[str, CellCost]:
    """Measure each kind of cell, by `kind_of_cost`, with as many at a time as run in the plan.

    Cells that run at a time slow each other down, so the machine is kept as busy until the last is measured.

    Raises:
        UserError: a cell cannot be trained, for the reason given.
    """
    kinds = {kind_of_cost(cell): cell for cell in cells}
    with fork_server(PRELOAD) as context, temporary_folder("measure") as place:
        crew = _Crew(kinds, len(cells), workers, context, (tuple(plugin_paths), cache, place))
        try:
            while len(crew.found) < len(kinds):
                crew.launch(announce)
                crew.collect()
        finally:
            crew.kill()
    return crew.found


class _Crew:
    """The measurements that run at a time; those of kinds that are measured already keep the machine busy."""

    def __init__(
        self,
        kinds: Mapping[str, Cell],
        cells: int,
        workers: int,
        context: ForkServerContext,
        paths: tuple[tuple[Path, ...], Path, Path],
    ) -> None:
        self.found: dict[str, CellCost] = {}
        self._kinds = kinds
        self._at_once = min(workers, cells)
        self._context = context
        self._plugin_paths, self._cache, self._place = paths
        self._waiting, self._again = deque(kinds), cycle(kinds)
        self._running: list[_Measurement] = []
        self._gpus = GpuShares(visible_gpus(), workers)
        self._started = 0

    def launch(self, announce: Callable[[str], None]) -> None:
        """Start measurements while there is room."""
        while len(self._running) < self._at_once:
            kind = self._waiting[0] if self._waiting else next(self._again)
            cell = self._kinds[kind]
            gpus = self._gpus.take(cell)
            if gpus is None:
                return  # and one runs, whose GPUs are free after it
            if self._waiting:
                self._waiting.popleft()
                announce(f"measuring {len(self._kinds) - len(self._waiting)} of {len(self._kinds)}: {cell}")
            self._started += 1
            folder = self._place / str(self._started)
            job = _Job(cell, self._plugin_paths, self._cache, folder, gpus)
            self._running.append(_Measurement(self._context, kind, job, alone=self._at_once == 1))

    def collect(self) -> None:
        """Wait for the end of a measurement."""
        ready = wait([each.answers for each in self._running])
        ended = next(each for each in self._running if each.answers in ready)
        self._running.remove(ended)
        self._gpus.give_back(ended.job.gpus)
        answer = ended.answer()
        if isinstance(answer, CellCost):
            self.found.setdefault(ended.kind, answer)
        elif answer == _DIED and not ended.alone:
            self._at_once = 1  # so many may not fit into the memory; perhaps one does
            self._waiting.appendleft(ended.kind)
        else:
            raise UserError(f"{ended.job.cell} cannot be measured: {answer}.")

    def kill(self) -> None:
        """End what still runs."""
        for measurement in self._running:
            measurement.kill()


@dataclass(frozen=True, slots=True)
class _Job:
    """A cell to measure, and what its process needs."""

    cell: Cell
    plugin_paths: tuple[Path, ...]
    cache: Path
    folder: Path
    gpus: tuple[str, ...]


class _Measurement:
    """The process that measures one kind of cell, alone or beside others."""

    def __init__(self, context: ForkServerContext, kind: str, job: _Job, *, alone: bool) -> None:
        self.kind = kind
        self.job = job
        self.alone = alone
        self.answers, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_answer, args=(theirs, job))
        self._process.start()
        theirs.close()

    def answer(self) -> CellCost | str:
        """The cost, or why there is none; waits for the end of the process."""
        try:
            answer: CellCost | str = self.answers.recv()
        except EOFError:
            answer = _DIED
        self.answers.close()
        self._process.join()
        return answer

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.answers.close()


def _answer(answers: Connection, job: _Job) -> None:
    """The process of one measurement."""
    with suppress(OSError):  # where memory runs out, this process is ended, and no other
        Path("/proc/self/oom_score_adj").write_text("1000")
    if job.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(job.gpus)  # before torch looks for them
    job.folder.mkdir()
    try:
        answers.send(_measure(job))
    except Exception as error:  # noqa: BLE001 - the border of a cell
        answers.send(" ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")[:300])


def _measure(job: _Job) -> CellCost:
    import torch

    from posharness.executors.worker import use_threads
    from posharness.registry.registry import Registry
    from posharness.training.short import short_run, validation_and_tests

    cell, cache = job.cell, job.cache
    use_threads(cell.trainer.threads)
    shared = _resident()
    registry = Registry.load(job.plugin_paths)
    run = partial(short_run, cell, registry, cache=cache)
    first = run(job.folder / "first", steps=4, tests=_FIRST)
    steps = max(8, min(200, int(_SECONDS / max(first.step, 1e-4))))
    later = run(job.folder / "later", steps=steps, tests=_LATER)
    validation, tests = validation_and_tests(cell, registry, cache)
    budget = cell.budget
    a_test = max(0.0, (later.rest - first.rest) / max(1, later.tested - first.tested))
    fixed = max(0.0, first.rest - first.tested * a_test)
    validations = math.ceil(budget.steps / budget.validate_every)
    device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    own = max(0.0, _peak() - shared)
    return CellCost(
        step=later.step,
        seconds=_START + fixed + budget.steps * later.step + validations * validation + tests * a_test,
        own=of_processes(own, shared, cell.trainer.devices),
        shared=shared,
        device=device,
        disk=later.weights + later.rows * tests / later.tested,
    )


def _resident() -> float:
    """Bytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if sys.platform == "linux" else 0
    return float(pages * resource.getpagesize())


def _peak() -> float:
    """Bytes of memory that this process has held at most."""
    return float(
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    )
