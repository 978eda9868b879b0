"""Texts of frames as Python's own: a report makes thousands of small frames, for which pyarrow's are slow.

Where there are many rows they save no time, and take more memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from posharness.contracts import Frames
from posharness.contracts.columns import TABLES

__all__ = ["plain_texts", "with_plain_texts"]

_MANY = 500_000
"""Predictions, as of 80 cells."""


@contextmanager
def plain_texts(frames: Frames) -> Iterator[None]:
    """Keep the texts of every frame that is made as Python's own, unless `frames` are large."""
    if len(frames.predictions) > _MANY:
        yield
        return
    with pd.option_context("mode.string_storage", "python"):
        yield


def with_plain_texts(frames: Frames) -> Frames:
    """The frames with their texts, and those of their categories, as Python's own, unless they are large."""
    if len(frames.predictions) > _MANY:
        return frames
    tables = {table.name: _with_plain_texts(getattr(frames, table.name)) for table in TABLES}
    return Frames(**tables, costs=frames.costs)


def _with_plain_texts(frame: pd.DataFrame) -> pd.DataFrame:
    made: dict[str, Any] = {}
    for name in map(str, frame.columns):
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            categories = column.cat.categories
            if isinstance(categories.dtype, pd.StringDtype):
                made[name] = column.cat.set_categories(
                    pd.Index(categories.astype(_plain(categories.dtype))), rename=True
                )
        elif isinstance(column.dtype, pd.StringDtype):
            made[name] = column.astype(_plain(column.dtype))
    return frame.assign(**made) if made else frame


def _plain(dtype: pd.StringDtype[Any]) -> pd.StringDtype[Any]:
    return pd.StringDtype("python", na_value=dtype.na_value)
