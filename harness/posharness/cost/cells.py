"""What whole cells will cost, from a few of their steps: time, memory and disk."""

from __future__ import annotations

import heapq
import math
import resource
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from pathlib import Path

from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.executors.forkserver import PRELOAD, fork_server

__all__ = ["CellCost", "PlanCost", "check_memory", "kind_of_cost", "measure_cells", "plan_cost"]

_FIRST, _LATER = 4, 16
"""Test sequences of the two short runs, from which the time of one more follows."""

_SECONDS = 3.0
"""Seconds of training in the second short run."""

_START = 0.5
"""Seconds until the process of a cell has started."""

_DIED = "its process was ended, perhaps for lack of memory"


@dataclass(frozen=True, slots=True)
class CellCost:
    """What one cell costs.

    Attributes:
        step: seconds of a training step.
        seconds: of the whole cell; fewer if it stops early.
        own: bytes of memory of its process alone, at the peak.
        shared: bytes of memory that all cells' processes share.
        device: bytes of memory of the GPU at the peak; 0 without one.
        disk: bytes of its folder.
    """

    step: float
    seconds: float
    own: float
    shared: float
    device: float
    disk: float


@dataclass(frozen=True, slots=True)
class PlanCost:
    """What all cells of a plan cost, with some workers: seconds, and bytes of memory and disk."""

    seconds: float
    memory: float
    disk: float


def kind_of_cost(cell: Cell) -> str:
    """Cells that differ in their seed only cost the same."""
    return cell.model_copy(update={"seed": 0}).key


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
    found: dict[str, CellCost] = {}
    at_once = min(workers, len(cells))
    waiting, running = deque(kinds), list[_Measurement]()
    with fork_server(PRELOAD) as context, tempfile.TemporaryDirectory(prefix="posharness-measure-") as place:
        numbers = (Path(place) / str(number) for number in count())
        again = cycle(kinds)
        try:
            while len(found) < len(kinds):
                while len(running) < at_once:
                    kind = waiting.popleft() if waiting else next(again)
                    announce(f"measuring {len(found) + 1} of {len(kinds)}: {kinds[kind]}")
                    job = (kinds[kind], tuple(plugin_paths), cache, next(numbers))
                    running.append(_Measurement(context, kind, job, alone=at_once == 1))
                ended = _first_ended(running)
                running.remove(ended)
                answer = ended.answer()
                if isinstance(answer, CellCost):
                    found.setdefault(ended.kind, answer)
                elif answer == _DIED and not ended.alone:
                    at_once = 1  # so many may not fit into the memory; perhaps one does
                    waiting.appendleft(ended.kind)
                else:
                    raise UserError(f"{kinds[ended.kind]} cannot be measured: {answer}.")
        finally:
            for measurement in running:
                measurement.kill()
    return found


class _Measurement:
    """The process that measures one kind of cell, alone or beside others."""

    def __init__(
        self,
        context: ForkServerContext,
        kind: str,
        job: tuple[Cell, tuple[Path, ...], Path, Path],
        *,
        alone: bool,
    ) -> None:
        self.kind = kind
        self.alone = alone
        self.answers, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_answer, args=(theirs, *job))
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


def _first_ended(running: Sequence[_Measurement]) -> _Measurement:
    """The first that has an answer, or is dead."""
    ready = wait([each.answers for each in running])
    return next(each for each in running if each.answers in ready)


def plan_cost(cells: Sequence[Cell], costs: dict[str, CellCost], workers: int) -> PlanCost:
    """The cost of a plan: each cell goes to the worker that is free first."""
    each = [costs[kind_of_cost(cell)] for cell in cells]
    if not each:
        return PlanCost(0.0, 0.0, 0.0)
    at_once = min(workers, len(each))
    ends = [0.0] * at_once
    for cost in each:
        heapq.heapreplace(ends, ends[0] + cost.seconds)
    largest = heapq.nlargest(at_once, (cost.own for cost in each))
    memory = max(cost.shared for cost in each) + sum(largest)
    return PlanCost(max(ends), memory, sum(cost.disk for cost in each))


def check_memory(cells: Sequence[Cell], costs: dict[str, CellCost], workers: int, available: float) -> None:
    """Refuse a plan that does not fit into the memory.

    Raises:
        UserError: one cell needs more than there is, or so many workers do.
    """
    needed = plan_cost(cells, costs, workers).memory
    if needed <= available:
        return
    largest = max(cells, key=lambda cell: costs[kind_of_cost(cell)].own)
    fitting = [n for n in range(1, workers) if plan_cost(cells, costs, n).memory <= available]
    advice = (
        f"give --workers {fitting[-1]}"
        if fitting
        else "give a smaller budget.batch or model, or more trainer.accumulate"
    )
    raise UserError(
        f"{min(workers, len(cells))} at a time need about {needed / 1e9:.1f} GB of memory, and "
        f"{available / 1e9:.1f} GB are free; the largest is {largest}: {advice}."
    )


def _answer(
    answers: Connection, cell: Cell, plugin_paths: tuple[Path, ...], cache: Path, place: Path
) -> None:
    """The process of one measurement."""
    with suppress(OSError):  # where memory runs out, this process is ended, and no other
        Path("/proc/self/oom_score_adj").write_text("1000")
    place.mkdir()
    try:
        answers.send(_measure(cell, plugin_paths, cache, place))
    except Exception as error:  # noqa: BLE001 - the border of a cell
        answers.send(" ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")[:300])


def _measure(cell: Cell, plugin_paths: tuple[Path, ...], cache: Path, place: Path) -> CellCost:
    import torch

    from posharness.executors.worker import use_threads
    from posharness.registry.registry import Registry
    from posharness.training.short import short_run, validation_and_tests

    use_threads(cell.trainer.threads)
    shared = _resident()
    registry = Registry.load(plugin_paths)
    run = partial(short_run, cell, registry, cache=cache)
    first = run(place / "first", steps=4, tests=_FIRST)
    steps = max(8, min(200, int(_SECONDS / max(first.step, 1e-4))))
    later = run(place / "later", steps=steps, tests=_LATER)
    validation, tests = validation_and_tests(cell, registry, cache)
    budget = cell.budget
    a_test = max(0.0, (later.rest - first.rest) / max(1, later.tested - first.tested))
    fixed = max(0.0, first.rest - first.tested * a_test)
    validations = math.ceil(budget.steps / budget.validate_every)
    device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return CellCost(
        step=later.step,
        seconds=_START + fixed + budget.steps * later.step + validations * validation + tests * a_test,
        own=max(0.0, _peak() - shared),
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
