"""The store as tidy frames: one row for each cell, for each prediction and for each logged step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as abridged
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from posharness.contracts import Frames
from posharness.contracts.cell import Cell
from posharness.contracts.columns import (
    CELLS,
    CURVES,
    EXAMPLES,
    IDENTITY,
    INTERVENTIONS,
    MECHANISM,
    PREDICTIONS,
    TUNING_STAGE,
    TYPES,
    Table,
)
from posharness.store import layout
from posharness.store.costs import read_costs
from posharness.store.layout import CellStatus
from posharness.store.store import Store
from posharness.store.tables import read_table, schema
from posharness.store.tuned import read_tuned
from posharness.visible import shortened, visible

__all__ = ["read_frames", "read_rows"]

_NUMBERS = {"int64": "Int64", "float64": "float64"}
"""Types of numbers in `cells`, where one may be missing."""

_IDENTITY = tuple(column.name for column in IDENTITY)


_OF_CELL = ("settings", "version", "task_version", "pretrained", "facts")


@dataclass
class _Entry:
    """One cell as it was read; a part that it has not is None or empty."""

    key: str
    cell: Cell | None
    status: CellStatus
    facts: dict[str, Any] = field(default_factory=dict)
    predictions: pa.Table | None = None
    curve: pa.Table | None = None
    mechanism: pa.Table | None = None
    interventions: pa.Table | None = None
    examples: pa.Table | None = None
    stage: str = ""
    tuned: Mapping[str, Any] = field(default_factory=dict)

    def identity(self) -> tuple[Any, ...]:
        """The values of `_IDENTITY`."""
        cell = self.cell
        if cell is None:
            return (self.key, self.key[:8], *[None] * (len(_IDENTITY) - 2))
        names = (cell.encoding.name, cell.attention.name, cell.body_name, cell.task.label or cell.task.name)
        return (self.key, cell.label, *names, cell.seed)

    def place(self) -> tuple[Any, ...]:
        """Sorts cells by task, body, label and seed; those that cannot be read come last."""
        key, label, _, _, body, task, seed = self.identity()
        return (task is None, task or "", body or "", label, seed or 0, key)

    def row(self) -> dict[str, Any]:
        """The cell's row: what is not known of it is None."""
        row: dict[str, Any] = dict.fromkeys(CELLS.names)
        row |= {name: value for name, value in self.facts.items() if name in row}
        row |= dict(zip(_IDENTITY, self.identity(), strict=True))
        row |= {"status": self.status.status, "reason": self.status.reason}
        row["started"] = self.status.started or None
        row |= {"stage": self.stage, "tuned": self.tuned}
        if self.cell:
            row["results_version"] = self.cell.results_version
            row |= {name: getattr(self.cell, name) for name in _OF_CELL}
            row["params"] = self.cell.encoding.identity()["params"]
        if row["seconds"] is None:
            row["seconds"] = self.status.seconds
        for column in CELLS.own_columns:
            if column.type in ("texts", "ints", "mappings"):
                row[column.name] = tuple(row[column.name] or ())
            if column.type == "mapping":
                row[column.name] = dict(row[column.name] or {})
        return row


def read_frames(store: Store) -> Frames:
    """Read a whole store. A cell whose files cannot be read is listed as failed."""
    entries = [entry for key in store.keys() if (entry := _read(store, key)) is not None]  # noqa: SIM118
    entries.sort(key=_Entry.place)
    tuned = read_tuned(store.path)
    for entry in entries:
        entry.stage = TUNING_STAGE if entry.key in tuned.trials else ""
        entry.tuned = tuned.trials.get(entry.key) or tuned.final.get(entry.key) or {}
    cells = pd.DataFrame([entry.row() for entry in entries], columns=CELLS.names)
    cells = cells.astype({each.name: _NUMBERS[each.type] for each in CELLS.columns if each.type in _NUMBERS})
    cells["started"] = pd.to_datetime(cells["started"], utc=True, format="ISO8601")

    def joined(name: str, table: Table) -> pd.DataFrame:
        return _visible(_join([(e, part) for e in entries if (part := getattr(e, name)) is not None], table))

    return Frames(
        cells=_visible(cells),
        predictions=joined("predictions", PREDICTIONS),
        curves=joined("curve", CURVES),
        mechanism=joined("mechanism", MECHANISM),
        interventions=joined("interventions", INTERVENTIONS),
        examples=joined("examples", EXAMPLES),
        costs=_visible(read_costs(store)),
    )


def read_rows(store: Store, key: str, table: Table) -> pd.DataFrame | None:
    """The rows of one cell in a file of its own, without its identity; None for a cell that has no such file.

    Raises:
        OSError, ValueError: the file cannot be read, or the cell's folder is damaged.
    """
    if store.damaged(key):
        raise ValueError("the cell's folder is damaged")
    found = _optional(store.folder(key) / f"{table.name}.parquet", table)
    return None if found is None else _rows(found, table)


def _read(store: Store, key: str) -> _Entry | None:
    status = store.status(key)
    if status is None:
        return None  # taken away meanwhile
    cell: Cell | None = None
    try:
        cell = store.cell(key)
        facts = store.environment(key) | store.results(key) | {"plugins": store.plugins(key)}
        _check_facts(facts)
        folder = store.folder(key)
        if status.status == "done":
            predictions = read_table(folder / layout.PREDICTIONS, PREDICTIONS)
            curve = None if cell.pretrained else read_table(folder / layout.CURVE, CURVES)
            mechanism = _optional(folder / layout.MECHANISM, MECHANISM)
            interventions = _optional(folder / layout.INTERVENTIONS, INTERVENTIONS)
            examples = _optional(folder / layout.EXAMPLES, EXAMPLES)
            return _Entry(key, cell, status, facts, predictions, curve, mechanism, interventions, examples)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        if status.status in ("running", "interrupted") and isinstance(error, FileNotFoundError):
            return None  # only just begun
        message = " ".join(str(error).split())[:200]
        reason = f"its folder cannot be read ({message})"
        return _Entry(key, cell, status.model_copy(update={"status": "failed", "reason": reason}))
    try:
        curve = read_table(folder / layout.CURVE, CURVES)
    except (OSError, ValueError, KeyError, pa.ArrowException):
        curve = None  # it ended, or is being written, before there was one
    return _Entry(key, cell, status, facts, None, curve)


_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "int64": (int,),
    "float64": (int, float),
    "mapping": (dict,),
    "texts": (list,),
    "ints": (list,),
    "mappings": (list,),
}
_MEMBERS = {"texts": str, "ints": int, "mappings": dict}
_LARGEST = 2**53
"""Of the whole numbers that a float64 holds all."""


def _check_facts(facts: dict[str, Any]) -> None:
    """Refuse a fact of another type than its column.

    Raises:
        ValueError: there is one.
    """
    for column in CELLS.own_columns:
        value = facts.get(column.name)
        if value is None:
            continue
        right = isinstance(value, _TYPES.get(column.type, (object,))) and not isinstance(value, bool)
        member = _MEMBERS.get(column.type)
        items = value if isinstance(value, list) else [value]
        endless = any(isinstance(item, int) and abs(item) > _LARGEST for item in items)
        if not right or endless or (member and not all(isinstance(item, member) for item in value)):
            raise ValueError(f"{column.name} is {abridged(value)}, expected {TYPES[column.type]}")


def _optional(path: Path, table: Table) -> pa.Table | None:
    return read_table(path, table) if path.exists() else None


def _rows(table: pa.Table, kind: Table) -> pd.DataFrame:
    rows: pd.DataFrame = table.unify_dictionaries().to_pandas()
    for column in kind.own_columns:
        if column.type == "ints":
            rows[column.name] = [tuple(map(int, values)) for values in rows[column.name]]
    return rows


def _visible(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose texts can be shown, whoever wrote them."""
    made: dict[str, pd.Series[Any]] = {}
    for name in map(str, frame.columns):
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            seen = {each: _shown(each) for each in column.cat.categories}
            if any(value != each for each, value in seen.items()):
                made[name] = column.astype(object).map(seen).astype("category")
        elif column.dtype == object or pd.api.types.is_string_dtype(column.dtype):
            values = list(column)
            if (shown := [_shown(value) for value in values]) != values:
                made[name] = pd.Series(shown, index=frame.index, dtype=column.dtype)
    return frame.assign(**made) if made else frame


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return shortened(visible(value))
    if isinstance(value, Mapping):
        return {_shown(key): _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_shown, value))
    return value


def _join(parts: Sequence[tuple[_Entry, pa.Table]], kind: Table) -> pd.DataFrame:
    """One frame of many tables, each row led by its cell's identity; strings that repeat as categories."""
    table = pa.concat_tables([table for _, table in parts]) if parts else schema(kind).empty_table()
    rows = _rows(table, kind)
    counts = [table.num_rows for _, table in parts]
    identities = pd.DataFrame([entry.identity() for entry, _ in parts], columns=_IDENTITY)
    lead: dict[str, Any] = {}
    for name in _IDENTITY[:-1]:
        codes, values = pd.factorize(identities[name], use_na_sentinel=False)
        lead[name] = pd.Categorical.from_codes(np.repeat(codes, counts), categories=values)
    lead["seed"] = np.repeat(identities["seed"].to_numpy(np.int64), counts)
    return pd.DataFrame(lead).join(rows)
