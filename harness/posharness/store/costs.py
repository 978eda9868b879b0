"""What `harness cost` measured, kept beside the cells of a store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from posharness.contracts.atomic_files import write_json
from posharness.contracts.columns import COSTS
from posharness.errors import UserError
from posharness.store import layout
from posharness.store.store import Store

__all__ = ["add_costs", "read_costs"]

_COLUMNS = [column.name for column in COSTS.own_columns]
_MEASURED = ["plugin", "length", "batch"]


def read_costs(store: Store) -> pd.DataFrame:
    """The measurements, with the columns of `COSTS`; no rows where there are none.

    Raises:
        UserError: the file has something else in it.
    """
    path = store.path / layout.COSTS
    try:
        rows = json.loads(path.read_bytes())["costs"] if path.exists() else []
        found = pd.DataFrame([{name: row[name] for name in _COLUMNS} for row in rows], columns=_COLUMNS)
        types = {each.name: str if each.type == "text" else each.type for each in COSTS.own_columns}
        return found.astype(types)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}). Delete it, and run harness cost --store {store.path} again."
        ) from None


def add_costs(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add measurements; those of the same plugin, length and batch are replaced."""
    given = pd.DataFrame(list(rows), columns=_COLUMNS)
    every = pd.concat([found for found in (read_costs(store), given) if len(found)] or [given])
    kept = every.drop_duplicates(_MEASURED, keep="last").astype(object)
    kept = kept.where(kept.notna(), None)
    write_json(store.path / layout.COSTS, {"costs": kept.to_dict("records")})
