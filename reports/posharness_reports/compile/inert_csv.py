"""CSV files that a spreadsheet reads as values and never computes."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pandas.api.types import is_float_dtype, is_numeric_dtype

__all__ = ["inert_csv"]

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With what a text begins that a spreadsheet takes for a formula."""


def inert_csv(frame: pd.DataFrame, digits: int | None = None) -> bytes:
    """The rows of a frame as CSV; numbers stay numbers, a text like a formula gets an apostrophe.

    Args:
        digits: the significant digits of a number; by default all.
    """
    inert = frame.copy()
    for index, dtype in enumerate(frame.dtypes):
        column = frame.iloc[:, index]
        if not is_numeric_dtype(dtype):
            inert.isetitem(index, column.map(_inert).array)
        elif digits is not None and is_float_dtype(dtype):
            # As numbers: a text without its ".0" would make a whole number of 1.0.
            inert.isetitem(index, column.map(f"{{:.{digits}g}}".format).astype(float).array)
    return inert.to_csv(index=False, lineterminator="\n").encode()


def _inert(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(_FORMULAS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
