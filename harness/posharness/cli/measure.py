"""`harness run --dry-run --measure`: what the cells of a command will cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posharness.cli.output import console, count, duration, print_rows
from posharness.contracts.cell import Cell
from posharness.defaults import cache_root, default_workers
from posharness.memory import free_memory

__all__ = ["print_cost"]


def print_cost(cells: Sequence[Cell], plugin_paths: Sequence[Path], workers: int | None) -> None:
    """Measure a few steps of each kind of cell, and print time, memory and disk of all.

    Raises:
        UserError: they do not fit into the memory of this machine.
    """
    from posharness.cost.cells import check_memory, kind_of_cost, plan_cost
    from posharness.cost.short_runs import measure_cells

    out = console()
    most = workers or default_workers()
    with out.status("measuring") as status:
        costs = measure_cells(cells, plugin_paths, cache_root().absolute(), status.update, workers=most)
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
    whole = plan_cost(cells, costs, most)
    out.print(
        f"{count('cell', len(cells))} with {count('worker', most)}: at most {duration(whole.seconds)}, "
        f"{whole.memory / 1e9:.1f} GB of memory, {whole.disk / 1e6:.0f} MB on disk (measured on this "
        "machine)",
        soft_wrap=True,
    )
    check_memory(cells, costs, most, free_memory())
