"""A worker: it runs cells of a store's open plans, beside the runs that want them and other workers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from posharness.contracts.cell import RESULTS_VERSION, Cell, Choice
from posharness.errors import UserError
from posharness.execution import Execution, RunSummary
from posharness.registry.catalogue import Catalogue
from posharness.registry.registry import Registry
from posharness.store import Store
from posharness.store.plans import OpenPlan, open_plans

__all__ = ["work"]

_LOOK = 5.0
"""Seconds between two looks at the plans."""


def work(execution: Execution, *, wait: bool = False) -> RunSummary:
    """Run cells of the open plans of a store until all have ended, here or elsewhere.

    Args:
        execution: where and how to run them; the plugins are those of the plans.
        wait: go on until stopped, and wait for plans that are opened later.

    Raises:
        UserError: there is no store or no open plan, a file of a plan's plugins is not here, or the code of a
            cell's plugins differs from that of the run which planned it.
    """
    store = Store.open(execution.store, create=False)
    summary, tried = RunSummary((), frozenset()), set[str]()
    while plans := _plans(store, wait=wait, first=not tried):
        ready = False
        for plan in plans:
            cells = [cell for cell in plan.cells if cell.key not in tried and _is_ready(cell, store)]
            if cells:
                ready = True
                tried |= {cell.key for cell in cells}
                ran = _run(execution, plan, cells)
                summary = replace(ran.after(summary), planned=(*summary.planned, *ran.planned))
        if not ready:
            if not wait and all(_ended(cell, store, tried) for plan in plans for cell in plan.cells):
                break
            time.sleep(_LOOK)
    return summary


def _plans(store: Store, *, wait: bool, first: bool) -> list[OpenPlan]:
    """The open plans; with `wait` there is at least one."""
    while not (plans := open_plans(store)) and wait:
        time.sleep(_LOOK)
    if first and not plans:
        raise UserError(
            f"The store {store.path} has no open plan: start `harness run --store {store.path}` first, on "
            "any machine that sees this folder, or give --wait."
        )
    return plans


def _is_ready(cell: Cell, store: Store) -> bool:
    """Whether a worker can run a cell now: a reading needs its model."""
    return not cell.skip and (not cell.pretrained or bool(cell.where) or store.done(cell.pretrained))


def _ended(cell: Cell, store: Store, tried: set[str]) -> bool:
    """Whether nothing is left to do for a cell here."""
    hopeless = cell.pretrained and not cell.where and store.ended(cell.pretrained) is not None
    return bool(cell.skip) or cell.key in tried or bool(hopeless)


def _run(execution: Execution, plan: OpenPlan, cells: list[Cell]) -> RunSummary:
    """Run cells of a plan in its folder, with its plugins.

    Raises:
        UserError: this machine cannot run them as planned.
    """
    if absent := [path for path in plan.plugin_paths if not path.exists()]:
        raise _refusal(plan, f"The plugin {absent[0]} of a run is not on this machine; put it there")
    before = Path.cwd()
    here = replace(execution, store=execution.store.absolute(), plugin_paths=plan.plugin_paths, joins=True)
    if plan.directory.is_dir():
        os.chdir(plan.directory)
    try:
        return here.run(lambda registry: _checked(plan, cells, registry))
    finally:
        os.chdir(before)


def _checked(plan: OpenPlan, cells: list[Cell], registry: Registry) -> list[Cell]:
    """The cells, if this machine would give them the results that their keys stand for.

    Raises:
        UserError: it would not.
    """
    for cell in cells:
        if cell.results_version != RESULTS_VERSION:
            raise _refusal(
                plan,
                f"The cell {cell.key[:12]} was planned by another version of posharness; install it here",
            )
        for catalogue, choice in _parts(cell, registry):
            if registry.digests.digest(registry.class_of(catalogue, choice)) != choice.digest:
                raise _refusal(
                    plan,
                    f"The code of {choice.name} on this machine differs from that of the run which planned "
                    "the cells; install the same version here",
                )
    return cells


def _refusal(plan: OpenPlan, why: str) -> UserError:
    return UserError(f"{why}. If the run was killed or is not wanted any more, delete its plan {plan.path}.")


def _parts(cell: Cell, registry: Registry) -> Iterator[tuple[Catalogue[Any], Choice]]:
    kinds: dict[str, list[Choice]] = {
        "readings": [cell.task] if cell.pretrained else [],
        "tasks": [] if cell.pretrained else [cell.task],
        "encodings": [] if cell.pretrained else [cell.encoding, *cell.encoding.nested],
        "attentions": [
            each for each in (cell.attention, cell.self_attention) if each and not cell.pretrained
        ],
    }
    for kind, choices in kinds.items():
        yield from ((registry.catalogues[kind], choice) for choice in choices)
