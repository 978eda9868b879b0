"""Kinds of cells are measured as many at a time as will run."""

from __future__ import annotations

from pathlib import Path

import pytest

from posharness.cost.cells import kind_of_cost
from posharness.cost.short_runs import measure_cells
from posharness.errors import UserError

from ..executors.test_executor import PLUGIN, make_cell

pytestmark = pytest.mark.usefixtures("warm_server")


def test_each_kind_is_measured_once(tmp_path: Path) -> None:
    cells = [make_cell(), make_cell("chatty"), make_cell(seed=1)]
    said: list[str] = []
    found = measure_cells(cells, (PLUGIN,), tmp_path, said.append, workers=2)
    assert found.keys() == {kind_of_cost(cell) for cell in cells[:2]}
    assert [line.partition(":")[0] for line in said] == ["measuring 1 of 2", "measuring 2 of 2"]
    assert all(min(cost.step, cost.seconds, cost.own, cost.disk) > 0 for cost in found.values())


def test_a_measurement_that_dies_is_tried_alone_and_then_named(tmp_path: Path) -> None:
    cells = [make_cell("killed"), make_cell()]
    said: list[str] = []
    with pytest.raises(
        UserError, match=r"moody.* cannot be measured: its process was ended, perhaps for lack"
    ):
        measure_cells(cells, (PLUGIN,), tmp_path, said.append, workers=2)
    assert sum("killed" in line for line in said) == 2
