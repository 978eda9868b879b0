"""Splitting frames by the values of columns; empty frames are allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
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
    if frame.empty:
        return frame
    kept = np.ones(len(frame), dtype=bool)
    for column, value in values.items():
        same = frame[column] == value
        kept &= same.to_numpy() if same.dtype == bool else same.to_numpy(dtype=bool, na_value=False)
    return frame if kept.all() else frame[kept]
