"""Runs that went wrong: they have no result, and stand beside the results of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

__all__ = ["FAILED", "as_at_chance", "failed_runs"]

FAILED = ("failed", "diverged", "timeout", "crashed")
"""The statuses of a run that has no result because it went wrong."""


def as_at_chance(values: pd.DataFrame, labels: Collection[str], cells: pd.DataFrame) -> pd.DataFrame:
    """A value of 0 on each part of each task with values, for each failed run of these labels.

    A task counts if any label has a value there, even if all runs of one of these labels failed.

    Args:
        values: columns block, part and value.
        cells: prepared.
    """
    parts = values.loc[values["value"].notna(), ["block", "part"]].drop_duplicates()
    own = cells[cells["status"].isin(FAILED) & cells["label"].isin(labels)]
    pairs = own[["posed", "label", "seed"]].drop_duplicates().rename(columns={"posed": "block"})
    return pairs.astype({"block": str}).merge(parts.astype(str), on="block").assign(value=0.0)


def failed_runs(cells: pd.DataFrame, tasks: Collection[str], *, by: str = "task") -> Mapping[str, int]:
    """The number of failed runs of each label on these tasks; a label without one is left out.

    Args:
        cells: prepared.
        by: the column of `cells` that names a task, "task" or "posed".
    """
    own = cells[cells["status"].isin(FAILED) & cells[by].astype(str).isin(tasks)]
    counted = own[[by, "label", "seed"]].drop_duplicates()["label"].astype(str).value_counts()
    return {str(label): int(n) for label, n in counted.items()}
