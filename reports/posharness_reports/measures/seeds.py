"""How many seeds have a result, of each encoding on each task."""

from __future__ import annotations

import pandas as pd

from posharness.contracts.versions import SUPERSEDED
from posharness_reports.formatting import enumerate_words

__all__ = ["seeds_of_each", "without_result"]

_NAMED = 3


def seeds_of_each(cells: pd.DataFrame) -> pd.Series[int]:
    """The number of seeds with a result by task and label; 0 for a pair that has none.

    Args:
        cells: prepared, of any status. Superseded cells do not count, not even as tasks or labels.
    """
    current = cells[cells["status"] != SUPERSEDED]
    pairs = pd.MultiIndex.from_product(
        [sorted(set(current[column].astype(str))) for column in ("task", "label")], names=["task", "label"]
    )
    done = current[current["status"] == "done"].astype({"task": str, "label": str})
    found: pd.Series[int] = done.groupby(["task", "label"])["seed"].nunique()
    return found.reindex(pairs, fill_value=0).astype(int)


def without_result(seeds: pd.Series[int]) -> str:
    """The pairs without a result as words, of many their number; "" if every pair has one.

    Args:
        seeds: of `seeds_of_each`.
    """
    lacking: dict[str, list[str]] = {}
    for task, label in seeds.index[seeds == 0]:
        lacking.setdefault(task, []).append(label)
    if len(lacking) > _NAMED or any(len(labels) > _NAMED for labels in lacking.values()):
        return f"{sum(seeds == 0)} of {len(seeds)} pairs of encoding and task"
    return enumerate_words([f"{enumerate_words(labels)} on {task}" for task, labels in lacking.items()])
