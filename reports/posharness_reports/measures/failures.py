"""Runs that went wrong: they have no result, and stand beside the results of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

__all__ = ["FAILED", "as_at_chance", "failed_runs"]

FAILED = ("failed", "diverged", "timeout", "crashed")
"""The statuses of a run that has no result because it went wrong."""


def as_at_chance(values: pd.DataFrame, labels: Collection[str], cells: pd.DataFrame) -> pd.DataFrame:
    """A value of 0 on each part of each task with values, for each failed run of these labels.

    A task counts if any label has a value there, even if all runs of one of these labels failed. With another
    preset of the task, the same seed can have succeeded: where it has a value, that stays alone.

    Args:
        values: columns block, part, label, seed and value.
        cells: prepared.
    """
    known = values[values["value"].notna()]
    parts = known[["block", "part"]].drop_duplicates()
    own = cells[cells["status"].isin(FAILED) & cells["label"].isin(labels)]
    pairs = own[["posed", "label", "seed"]].drop_duplicates().rename(columns={"posed": "block"})
    found = pairs.astype({"block": str}).merge(parts.astype(str), on="block")
    columns = ["block", "part", "label", "seed"]
    succeeded = pd.MultiIndex.from_frame(
        known[columns].astype({**dict.fromkeys(columns[:3], str), "seed": int})
    )
    wanted = pd.MultiIndex.from_frame(found[columns].astype({"label": str, "seed": int}))
    return found[~wanted.isin(succeeded)].assign(value=0.0)


def failed_runs(cells: pd.DataFrame, tasks: Collection[str], *, by: str = "task") -> Mapping[str, int]:
    """The number of failed runs of each label on these tasks; a label without one is left out.

    Args:
        cells: prepared.
        by: the column of `cells` that names a task, "task" or "posed".
    """
    own = cells[cells["status"].isin(FAILED) & cells[by].astype(str).isin(tasks)]
    counted = own[[by, "label", "seed"]].drop_duplicates()["label"].astype(str).value_counts()
    return {str(label): int(n) for label, n in counted.items()}
