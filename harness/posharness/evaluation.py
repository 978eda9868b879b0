"""Readings of trained models: finished cells of a store, and models that `transformers` loads."""

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
"""The beginning of a key; no model of the Hub has such a name."""


def evaluate(
    models: Sequence[str],
    experiment: Experiment,
    execution: Execution,
    *,
    announce: Callable[[str], None] = lambda _: None,
) -> RunSummary:
    """Evaluate the readings of an experiment on trained models.

    Args:
        models: each a folder or a Hub id for `transformers`, or the beginning of a finished cell's key.
        experiment: its readings and, for external models, its seeds; a cell is read with its own seed.
        announce: called with a message before each preparation.

    Raises:
        UserError: an unknown model, one that is not a masked language model, or a mistake in the readings.
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
    """The model of a name, once for each seed."""
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
    # The cell runs in another process, and perhaps later from another working directory.
    where = str(Path(named).resolve()) if Path(named).is_dir() else named
    return [model_of_others(model.label, model.identity, where, seed) for seed in experiment.seed_list]


def _key(named: str, folder: Path) -> str:
    """The key in the store that begins with `named`; "" when there is none."""
    if not re.fullmatch(_KEY, named) or not folder.is_dir():
        return ""
    store = Store.open(folder, create=False)
    known = any(key.startswith(named.lower()) for key in store.keys())  # noqa: SIM118
    return store.find(named) if known else ""


def trained_cell(store: Store, key: str, registry: Registry) -> Cell:
    """The cell of a key, whose model readings can evaluate.

    Raises:
        UserError: it is not done, trains no masked language model, or its plugins' code has changed.
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
            f"The cell {key[:12]} ({cell}) trains no masked language model; give a cell of a task that "
            "does, for example bert."
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
