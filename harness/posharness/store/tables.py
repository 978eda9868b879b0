"""The Parquet files of a cell: read in the types of the columns, or refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import ParquetFile

from posharness.contracts.columns import CHANGES, DECODINGS, OUTCOMES, Table

__all__ = ["read_table", "schema"]

_ARROW = {
    "category": pa.dictionary(pa.int32(), pa.string()),
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "text": pa.string(),
    "ints": pa.list_(pa.int32()),
}
_MAY_LACK = ("float32", "float64", "text")
"""Types of columns in which a value may be missing."""

_VALUES = {"decoding": DECODINGS, "change": CHANGES, "outcome": OUTCOMES}
_SHARES = ("chance", "blind")
"""Columns of numbers from which others are calculated, and which are finite or missing."""


def schema(table: Table) -> pa.Schema:
    """The columns of a cell's file, without those of the cell's identity."""
    return pa.schema({column.name: _ARROW[column.type] for column in table.own_columns})


def read_table(path: Path, table: Table) -> pa.Table:
    """Read a file of a cell, which may come from anywhere.

    Raises:
        OSError: it cannot be read.
        ValueError, pyarrow.ArrowException: a column is missing, of another type, or holds what it cannot.
    """
    expected = schema(table)
    with ParquetFile(path) as file:
        rows = file.read(use_threads=False).select(expected.names).cast(expected)
    for column in table.own_columns:
        values = rows[column.name]
        if column.type not in _MAY_LACK and values.null_count:
            raise ValueError(f"{column.name} lacks values")
        known = _VALUES.get(column.name)
        strangers = pc.unique(values).to_pylist() if known else []
        if known and (strange := sorted(set(strangers) - set(known))):
            raise ValueError(f"{column.name} holds {strange[0]!r}, expected one of {', '.join(known)}")
        if column.name in _SHARES and pc.any(pc.is_inf(values)).as_py():
            raise ValueError(f"{column.name} holds a number that is not finite")
    return rows
