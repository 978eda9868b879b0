"""What cells were made with that is no part of their keys, except for the last."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

__all__ = ["MADE_WITH", "known_values"]

MADE_WITH: Mapping[str, str] = {
    "torch": "torch",
    "python": "Python",
    "machine": "machine",
    "cpu": "processor",
    "device": "device",
    "results_version": "results version",
}
"""Columns of `Frames.cells`, and what they are called."""


def known_values(cells: pd.DataFrame, column: str) -> tuple[list[str], int]:
    """The values that cells have in a column of `MADE_WITH`, and of how many cells it is not known."""
    texts = ["" if pd.isna(value) else str(value) for value in cells[column]]
    return sorted(set(texts) - {""}), texts.count("")
