"""Splitting frames by the values of columns; empty frames are allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

__all__ = ["grouped", "matching"]


def grouped(frame: pd.DataFrame, columns: list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """The rows of each combination of values in these columns, in ascending order.

    Yields:
        The values as a tuple, even of one column, and the rows.
    """
    if not frame.empty:
        yield from frame.groupby(columns, observed=True, sort=True)


def matching(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows with these values. An empty frame is returned as it is, because it may lack the columns."""
    for column, value in values.items():
        if not frame.empty:
            frame = frame[frame[column] == value]
    return frame
