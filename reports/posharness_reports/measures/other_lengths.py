"""Accuracy in shorter and longer sequences, relative to each run's own at the training length."""

from __future__ import annotations

from typing import Any

import pandas as pd

from posharness_reports.data.grouping import grouped
from posharness_reports.measures.statistics import run_mean

__all__ = ["CHANGES", "changes"]

CHANGES = ["task", "objective", "label", "length", "train_length", "seeds", "change", "low", "high"]


def changes(runs: pd.DataFrame) -> pd.DataFrame:
    """The change of normalised accuracy from the training length to every other length.

    Each run is compared with itself; the interval is Student's t over runs, and NaN for one run.

    Args:
        runs: of `by_evaluation_length`.

    Returns:
        Columns `CHANGES`, a row for each task, objective, label and length.
    """
    key = ["task", "objective", "label", "seed"]
    own = runs.loc[runs["length"] == runs["train_length"], [*key, "normalised"]]
    own = own.rename(columns={"normalised": "trained"})
    both = runs[runs["length"] != runs["train_length"]].merge(own, on=key)
    both = both.assign(change=both["normalised"] - both["trained"])
    rows: list[dict[str, Any]] = []
    for place, group in grouped(both, ["task", "objective", "label", "length", "train_length"]):
        found = run_mean(group["change"].to_numpy(float))
        low, high = found.interval()
        rows.append(dict(zip(CHANGES, (*place, len(group), found.mean, low, high), strict=True)))
    return pd.DataFrame(rows, columns=CHANGES)
