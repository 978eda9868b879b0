"""Which cells of a store were trials of a tuning, and which have settings that were tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posharness.contracts.atomic_files import write_json
from posharness.errors import UserError
from posharness.store.layout import TUNING
from posharness.store.records import read_record

__all__ = ["TunedCells", "read_tuned", "write_tuned"]


@dataclass(frozen=True)
class TunedCells:
    """Settings by the key of a cell, each by its name.

    Attributes:
        trials: what each trial tried.
        final: what was chosen for the cells that are compared.
    """

    trials: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    final: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_tuned(store: Path) -> TunedCells:
    """The record of a store; empty if nothing was tuned.

    Raises:
        UserError: it cannot be read.
    """
    path = store / TUNING
    if not path.exists():
        return TunedCells()
    try:
        found = read_record(path)
        return TunedCells(dict(found["trials"]), dict(found["final"]))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); it says which cells tuned settings. Delete it, and run the "
            "same --tune again: nothing is trained twice."
        ) from error


def write_tuned(store: Path, added: TunedCells) -> None:
    """Add to the record of a store."""
    known = read_tuned(store)
    content = {"trials": {**known.trials, **added.trials}, "final": {**known.final, **added.final}}
    write_json(store / TUNING, content, durable=True)
