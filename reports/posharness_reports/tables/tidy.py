"""Measured frames as tables for computation, under the column names of their CSV file."""

from __future__ import annotations

import pandas as pd

__all__ = ["folded", "tidy"]

_NAMES = {
    "label": "encoding",
    "x": "position",
    "low": "low_95",
    "high": "high_95",
    "area_low": "area_low_95",
    "area_high": "area_high_95",
    "lengths": "evaluation_lengths",
    "mean": "mean_accuracy",
}


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """A measured frame, folded, under the column names of its CSV file."""
    renamed = frame.rename(columns=_NAMES)
    whole = [name for name in ("train_length", "seeds", "predictions", "pairs") if name in renamed]
    return folded(renamed.astype(dict.fromkeys(whole, "Int64")))


def folded(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table, marked: the page shows it only when a reader opens it."""
    frame.attrs["folded"] = True
    return frame
