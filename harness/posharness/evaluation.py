"""Readings of models that are trained already: finished cells of a store, and what `transformers` loads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from posharness.contracts import Incompatible
from posharness.contracts.cell import Cell
from posharness.defaults import cache_root
from posharness.errors import UserError
from posharness.execution import Execution, RunSummary
from posharness.experiment import Experiment
from posharness.planning.plan_readings import (
    choose_readings,
    fills_masks,
    model_of_cell,
    model_of_others,
    plan_readings,
)
from posharness.registry.catalogue import Catalogue
from posharness.registry.registry import Registry
from posharness.store import Store

__all__ = ["evaluate", "trained_cell"]

_KEY = "[0-9a-fA-F]{1,64}"
"""How a key begins, and no model of the Hub is called."""


def evaluate(
    models: Sequence[str],
    experiment: Experiment,
    execution: Execution,
    *,
    announce: Callable[[str], None] = lambda _: None,
) -> RunSummary:
    """Pose the readings of an experiment to models that are trained already.

    Args:
        models: each a folder or a Hub id for `transformers`, or the beginning of a finished cell's key.
        experiment: its readings and, for models from elsewhere, its seeds; a cell is read under its own.
        announce: told of what is being prepared.

    Raises:
        UserError: no such model, one that fills no masks, or a mistake in the readings or their text.
    """
    if not models or not all(models):
        raise UserError("No model is named: give --model, a folder, a Hub id, or the key of a finished cell.")
    if not experiment.readings:
        raise UserError("No readings are named: give --readings all, or --readings with some of their names.")

    def plan(registry: Registry) -> list[Cell]:
        readings = choose_readings(experiment, registry)
        found = [
            model for named in models for model in _find(named, experiment, registry, execution, announce)
        ]
        return plan_readings(readings, found, registry, cache_root(), announce)

    return execution.run(plan)


def _find(
    named: str,
    experiment: Experiment,
    registry: Registry,
    execution: Execution,
    announce: Callable[[str], None],
) -> list[Cell]:
    """The model of that name, for each seed that it is read under."""
    if not Path(named).is_dir() and (key := _key(named, execution.store)):
        store = Store.open(execution.store, create=False)
        return [model_of_cell(trained_cell(store, key, registry))]
    if re.fullmatch(_KEY, named) and not Path(named).is_dir():
        raise UserError(
            f"There is no cell in the store {execution.store} whose key begins with {named!r}, and no folder "
            f"{named!r}; give --store DIR, or a model's folder or Hub id."
        )
    # Not at the top: no other command waits for torch's models and transformers.
    from posharness.pretrained import open_transformers

    announce(f"opening {named}")
    model = open_transformers(named)
    # The cell is made in a process of its own, and perhaps again from another folder.
    where = str(Path(named).resolve()) if Path(named).is_dir() else named
    return [model_of_others(model.label, model.identity, where, seed) for seed in experiment.seed_list]


def _key(named: str, folder: Path) -> str:
    """The key of the cell that is meant; "" when none of the store has a key that begins so."""
    if not re.fullmatch(_KEY, named) or not folder.is_dir():
        return ""
    store = Store.open(folder, create=False)
    known = any(key.startswith(named.lower()) for key in store.keys())  # noqa: SIM118
    return store.find(named) if known else ""


def trained_cell(store: Store, key: str, registry: Registry) -> Cell:
    """The cell of a key, whose model can be read.

    Raises:
        UserError: it is not done, fills no masks, or was trained with code that is another by now.
    """
    state = store.status(key)
    if not store.done(key):
        raise UserError(
            f"The cell {key[:12]} is not done ({state.status if state else 'unknown'}); give a finished one: "
            f"`harness status --store {store.path}` lists them."
        )
    cell = store.cell(key)
    if cell.pretrained or not _fills_masks(cell, registry):
        raise UserError(
            f"The cell {key[:12]} ({cell}) trains no model that fills masks; give one of a task like bert, "
            "whose encoder does."
        )
    encodings = (cell.encoding, *cell.encoding.nested)
    for part in (*encodings, cell.attention):
        known: Catalogue[Any] = registry.encodings if part in encodings else registry.attentions
        if registry.digests.digest(registry.class_of(known, part)) != part.digest:
            raise UserError(
                f"The code of {part.name} has changed since the cell {key[:12]} was trained, so that its "
                "weights mean something else by now; train it again."
            )
    return cell


def _fills_masks(cell: Cell, registry: Registry) -> bool:
    try:
        return fills_masks(registry.task(cell.task, cell.body))
    except Incompatible:
        return False
