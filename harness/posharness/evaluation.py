"""Runs readings on trained models: on finished cells of a store, and on models that `transformers` loads."""

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
    external_model,
    plan_readings,
    trained_model,
    trains_masked_language_model,
)
from posharness.registry.catalogue import Catalogue
from posharness.registry.registry import Registry
from posharness.store import Store

__all__ = ["evaluate", "trained_cell"]

_KEY = "[0-9a-fA-F]{1,64}"
"""The pattern of the first characters of a key. No model of the Hub has such a name."""


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
        cells = [cell for name in models for cell in _model(name, experiment, registry, execution, announce)]
        return plan_readings(readings, cells, registry, cache_root(), announce)

    return execution.run(plan)


def _model(
    name: str,
    experiment: Experiment,
    registry: Registry,
    execution: Execution,
    announce: Callable[[str], None],
) -> list[Cell]:
    """The model of that name, once for each seed."""
    if not Path(name).is_dir() and (key := _key(name, execution.store)):
        store = Store.open(execution.store, create=False)
        return [trained_model(trained_cell(store, key, registry))]
    if re.fullmatch(_KEY, name) and not Path(name).is_dir():
        raise UserError(
            f"There is no cell in the store {execution.store} whose key begins with {name!r}, and no folder "
            f"{name!r}; give --store DIR, or a model's folder or Hub id."
        )
    # Not at the top: no other command needs torch's models and transformers, which import slowly.
    from posharness.pretrained import open_transformers

    announce(f"loading {name}")
    model = open_transformers(name)
    # The cell may run later, from another working directory.
    where = str(Path(name).resolve()) if Path(name).is_dir() else name
    return [external_model(model.label, model.identity, where, seed) for seed in experiment.seed_list]


def _key(start: str, folder: Path) -> str:
    """The key in the store that begins with `start`; "" if there is none."""
    if not re.fullmatch(_KEY, start) or not folder.is_dir():
        return ""
    store = Store.open(folder, create=False)
    exists = any(key.startswith(start.lower()) for key in store.keys())  # noqa: SIM118
    return store.find(start) if exists else ""


def trained_cell(store: Store, key: str, registry: Registry) -> Cell:
    """The cell of a key, checked to have a model that readings can evaluate.

    Raises:
        UserError: the cell is not done, trains no masked language model, or the code of its encoding or
            attention has changed.
    """
    state = store.status(key)
    if not store.done(key):
        raise UserError(
            f"The cell {key[:12]} is not done ({state.status if state else 'unknown'}); give a finished one: "
            f"`harness status --store {store.path}` lists them."
        )
    cell = store.cell(key)
    if cell.pretrained or not _trains_masked_language_model(cell, registry):
        raise UserError(
            f"The cell {key[:12]} ({cell}) trains no masked language model; give a cell of a task that "
            "does, for example bert."
        )
    encodings = (cell.encoding, *cell.encoding.nested)
    for part in (*encodings, cell.attention):
        catalogue: Catalogue[Any] = registry.encodings if part in encodings else registry.attentions
        if registry.digests.digest(registry.class_of(catalogue, part)) != part.digest:
            raise UserError(
                f"The code of {part.name} has changed since the cell {key[:12]} was trained, so that its "
                "weights no longer fit the code; train it again."
            )
    return cell


def _trains_masked_language_model(cell: Cell, registry: Registry) -> bool:
    try:
        return trains_masked_language_model(registry.task(cell.task, cell.body))
    except Incompatible:
        return False
