"""`harness run --dry-run --measure`: what the cells of a command will cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posharness.cli.output import console, count, duration, print_rows
from posharness.contracts.cell import Cell
from posharness.contracts.executor import Executor
from posharness.defaults import cache_root
from posharness.memory import free_memory

__all__ = ["print_cost"]


def print_cost(cells: Sequence[Cell], plugin_paths: Sequence[Path], executor: Executor) -> None:
    """Measure a few steps of each kind of cell, and print time, memory and disk of all.

    Raises:
        UserError: they do not fit into the memory of this machine.
    """
    from posharness.cost.cells import check_memory, kind_of_cost, plan_cost
    from posharness.cost.short_runs import measure_cells

    out = console()
    workers = 1 if executor.elsewhere else executor.workers  # this machine is not what they would share
    with out.status("measuring") as status:
        costs = measure_cells(cells, plugin_paths, cache_root().absolute(), status.update, workers=workers)
    rows = []
    for kind, cost in costs.items():
        alike = [cell for cell in cells if kind_of_cost(cell) == kind]
        names = (alike[0].label, alike[0].task.label, alike[0].body_name, str(len(alike)))
        memory = cost.device or cost.own + cost.shared
        row = (
            f"{1000 * cost.step:.1f}",
            duration(cost.seconds),
            f"{memory / 1e9:.2f}",
            f"{cost.disk / 1e6:.1f}",
        )
        rows.append((*names, *row))
    head = ("plugin", "task", "body", "cells", "ms/step", "a cell", "GB", "MB on disk")
    print_rows(out, head, rows)
    at_once = executor.at_once(cells)
    whole = plan_cost(cells, costs, at_once or 1)
    manner = f"{at_once} at a time" if at_once else "one after the other"
    out.print(
        f"{count('cell', len(cells))}, {manner}: at most {duration(whole.seconds)}, "
        f"{whole.memory / 1e9:.1f} GB of memory, {whole.disk / 1e6:.0f} MB on disk (measured on this "
        "machine)",
        soft_wrap=True,
    )
    if at_once and not executor.elsewhere:
        check_memory(cells, costs, at_once, free_memory())
