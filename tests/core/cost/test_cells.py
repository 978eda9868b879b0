"""A plan's cost follows from that of its kinds of cells; one that does not fit into the memory is refused."""

from __future__ import annotations

import pytest

from posharness.contracts.cell import Cell, Choice
from posharness.cost.cells import CellCost, check_memory, kind_of_cost, of_processes, plan_cost
from posharness.errors import UserError


def make_cell(task: str, seed: int = 0) -> Cell:
    return Cell(
        encoding=Choice(name="e", label="e"),
        attention=Choice(name="a"),
        body="encoder",
        task=Choice(name=task, label=task),
        seed=seed,
    )


SMALL = CellCost(step=0.01, seconds=10.0, own=1e9, shared=5e8, device=0.0, disk=2e6)
LARGE = CellCost(step=0.04, seconds=40.0, own=3e9, shared=4e8, device=0.0, disk=5e6)
CELLS = [make_cell("large"), *(make_cell("small", seed) for seed in range(4))]
COSTS = {kind_of_cost(CELLS[0]): LARGE, kind_of_cost(CELLS[1]): SMALL}


def test_each_cell_begins_when_the_first_before_it_ends() -> None:
    assert plan_cost(CELLS, COSTS, at_once=1).seconds == pytest.approx(80)
    assert plan_cost(CELLS, COSTS, at_once=2).seconds == pytest.approx(40)
    assert plan_cost(CELLS, COSTS, at_once=9).seconds == pytest.approx(40)
    assert plan_cost([], COSTS, at_once=2).seconds == 0


def test_memory_is_that_of_the_largest_cells_at_a_time() -> None:
    assert plan_cost(CELLS, COSTS, at_once=1).memory == pytest.approx(3.5e9)
    assert plan_cost(CELLS, COSTS, at_once=2).memory == pytest.approx(4.5e9)
    assert plan_cost(CELLS, COSTS, at_once=2).disk == pytest.approx(13e6)


def test_what_does_not_fit_is_refused_with_what_does() -> None:
    check_memory(CELLS, COSTS, 2, available=5e9)
    with pytest.raises(UserError, match=r"3 at a time need about 5\.5 GB .* give --workers 2\."):
        check_memory(CELLS, COSTS, 3, available=5e9)
    with pytest.raises(UserError, match=r"the largest is e on large, encoder, seed 0: give a smaller"):
        check_memory(CELLS, COSTS, 1, available=3e9)


def test_a_cell_on_several_devices_needs_the_memory_of_all_its_processes() -> None:
    assert of_processes(3.0, 2.0, 1) == 3.0
    assert of_processes(3.0, 2.0, 4) == 3.0 + 3 * 5.0
