"""Texts of frames as Python's own: a report makes thousands of small frames, for which pyarrow's are slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

__all__ = ["plain_texts", "with_plain_texts"]


@contextmanager
def plain_texts() -> Iterator[None]:
    """Keep the texts of every frame that is made as Python's own."""
    with pd.option_context("mode.string_storage", "python"):
        yield


def with_plain_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its texts, and the texts of its categories, as Python's own."""
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
