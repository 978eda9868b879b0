"""Tables to be computed with: measured frames under the names that readers of a CSV file meet."""

from __future__ import annotations

import pandas as pd

__all__ = ["folded", "tidy"]

_NAMES = {
    "label": "encoding",
    "x": "position",
    "low": "low_95",
    "high": "high_95",
    "reach": "effective_length",
    "lengths": "evaluation_lengths",
    "mean": "mean_accuracy",
}


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """A measured frame under the names that readers of its CSV file meet."""
    renamed = frame.rename(columns=_NAMES)
    whole = [name for name in ("train_length", "seeds", "predictions", "pairs") if name in renamed]
    return folded(renamed.astype(dict.fromkeys(whole, "Int64")))


def folded(frame: pd.DataFrame) -> pd.DataFrame:
    """A table that the page shows only when it is asked for."""
    frame.attrs["folded"] = True
    return frame
