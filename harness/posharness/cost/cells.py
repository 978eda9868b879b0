"""What whole cells will cost, and a plan of them: time, memory and disk."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from posharness.contracts.cell import Cell
from posharness.errors import UserError

__all__ = ["CellCost", "PlanCost", "check_memory", "kind_of_cost", "of_processes", "plan_cost"]


@dataclass(frozen=True, slots=True)
class CellCost:
    """What one cell costs.

    Attributes:
        step: seconds of a training step.
        seconds: of the whole cell; fewer if it stops early.
        own: bytes of memory of its processes alone, at the peak.
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
    """What all cells of a plan cost, with some at a time: seconds, and bytes of memory and disk."""

    seconds: float
    memory: float
    disk: float


def of_processes(own: float, shared: float, number: int) -> float:
    """Bytes of memory of all processes of a cell on one machine, beside what cells share.

    All but the first are started anew, and share nothing.

    Args:
        own: of the first one.
        shared: that it shares with other cells.
    """
    return own + (number - 1) * (own + shared)


def kind_of_cost(cell: Cell) -> str:
    """Cells that differ in their seed only cost the same."""
    return cell.model_copy(update={"seed": 0}).key


def plan_cost(cells: Sequence[Cell], costs: dict[str, CellCost], at_once: int) -> PlanCost:
    """The cost of a plan with so many cells at a time: each begins when the first of those before it ends."""
    each = [costs[kind_of_cost(cell)] for cell in cells]
    if not each:
        return PlanCost(0.0, 0.0, 0.0)
    at_once = min(at_once, len(each))
    ends = [0.0] * at_once
    for cost in each:
        heapq.heapreplace(ends, ends[0] + cost.seconds)
    largest = heapq.nlargest(at_once, (cost.own for cost in each))
    memory = max(cost.shared for cost in each) + sum(largest)
    return PlanCost(max(ends), memory, sum(cost.disk for cost in each))


def check_memory(cells: Sequence[Cell], costs: dict[str, CellCost], at_once: int, available: float) -> None:
    """Refuse a plan that does not fit into the memory.

    Raises:
        UserError: one cell needs more than there is, or so many at a time do.
    """
    needed = plan_cost(cells, costs, at_once).memory
    if needed <= available:
        return
    largest = max(cells, key=lambda cell: costs[kind_of_cost(cell)].own)
    fitting = [n for n in range(1, at_once) if plan_cost(cells, costs, n).memory <= available]
    advice = (
        f"give --workers {fitting[-1]}"
        if fitting
        else "give a smaller budget.batch or model, or more trainer.accumulate"
    )
    raise UserError(
        f"{min(at_once, len(cells))} at a time need about {needed / 1e9:.1f} GB of memory, and "
        f"{available / 1e9:.1f} GB are free; the largest is {largest}: {advice}."
    )
