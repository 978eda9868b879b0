"""What whole cells will cost, from a few of their steps: time, memory and disk."""

from __future__ import annotations

import heapq
import math
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
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
    cells: Sequence[Cell], plugin_paths: Sequence[Path], cache: Path, announce: Callable[[str], None]
) -> dict[str, CellCost]:
    """Measure each kind of cell once, one after the other, by `kind_of_cost`.

    Raises:
        UserError: a cell cannot be trained, for the reason given.
    """
    kinds = {kind_of_cost(cell): cell for cell in cells}
    found: dict[str, CellCost] = {}
    with fork_server(PRELOAD) as context:
        for number, (kind, cell) in enumerate(kinds.items(), 1):
            announce(f"measuring {number} of {len(kinds)}: {cell}")
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_answer, args=(theirs, cell, tuple(plugin_paths), cache))
            process.start()
            theirs.close()
            try:
                answer = ours.recv()
            except EOFError:
                answer = "its process was ended, perhaps for lack of memory"
            process.join()
            if isinstance(answer, str):
                raise UserError(f"{cell} cannot be measured: {answer}.")
            found[kind] = answer
    return found


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


def _answer(answers: Connection, cell: Cell, plugin_paths: tuple[Path, ...], cache: Path) -> None:
    """The process of one measurement."""
    try:
        answers.send(_measure(cell, plugin_paths, cache))
    except Exception as error:  # noqa: BLE001 - the border of a cell
        answers.send(" ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")[:300])


def _measure(cell: Cell, plugin_paths: tuple[Path, ...], cache: Path) -> CellCost:
    import torch

    from posharness.executors.worker import use_threads
    from posharness.registry.registry import Registry
    from posharness.training.short import short_run, validation_and_tests

    use_threads(cell.trainer.threads)
    shared = _resident()
    registry = Registry.load(plugin_paths)
    with tempfile.TemporaryDirectory(prefix="posharness-measure-") as place:
        run = partial(short_run, cell, registry, cache=cache)
        first = run(Path(place) / "first", steps=4, tests=_FIRST)
        steps = max(8, min(200, int(_SECONDS / max(first.step, 1e-4))))
        later = run(Path(place) / "later", steps=steps, tests=_LATER)
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
