"""CSV files that a spreadsheet reads as values and never computes."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pandas.api.types import is_float_dtype, is_numeric_dtype

from posharness_reports.formatting import show

__all__ = ["inert_csv"]

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With what a text begins that a spreadsheet takes for a formula."""


def inert_csv(frame: pd.DataFrame, digits: int | None = None) -> bytes:
    """The rows of a frame as CSV; numbers stay numbers, a text like a formula gets an apostrophe.

    Args:
        digits: the significant digits of a number, or as many more as it needs to be written in a table as
            the number itself is: rounded twice, 2.8244999 would be 2.825. By default all.
    """
    inert = frame.copy()
    for index, dtype in enumerate(frame.dtypes):
        column = frame.iloc[:, index]
        if not is_numeric_dtype(dtype):
            inert.isetitem(index, column.map(_inert).array)
        elif digits is not None and is_float_dtype(dtype):
            # As numbers: a text without its ".0" would make a whole number of 1.0.
            inert.isetitem(
                index, column.map(lambda value: _shorter(float(value), digits)).astype(float).array
            )
    return inert.to_csv(index=False, lineterminator="\n").encode()


def _shorter(value: float, digits: int) -> float:
    shorter = (float(f"{value:.{more}g}") for more in range(digits, 17))
    return next((short for short in shorter if show(short) == show(value)), value)


def _inert(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(_FORMULAS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
