"""Validation accuracy of all labels after the same number of steps, and after the same time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped

__all__ = ["EQUAL_COST", "at_equal_cost"]

EQUAL_COST = ["task", "objective", "label", "runs", "steps", "at_steps", "seconds", "at_seconds"]


def at_equal_cost(frames: Frames) -> pd.DataFrame:
    """The mean over runs of the last validation accuracy within what the cheapest label of a task took.

    The time of a run is its steps times its median time of a step, so that neither validation nor other
    work on the machine counts.

    Returns:
        Columns `EQUAL_COST`: `steps` is the smallest mean number of steps of a label of the task, and
        `seconds` the smallest mean time; `at_steps` and `at_seconds` are the accuracies within these, NaN if
        there was no validation so early.
    """
    done = frames.cells[frames.cells["status"] == "done"].set_index("cell")
    curves = frames.curves
    curves = curves[curves["cell"].isin(done.index) & curves["validation_score"].notna()]
    curves = curves.assign(seconds=curves["step"] * curves["cell"].map(done["step_ms"]).astype(float) / 1000)
    took = done.assign(spent=done["steps"].astype(float) * done["step_ms"].astype(float) / 1000)
    means = took.astype({"steps": float}).groupby(["task", "label"], observed=True)[["steps", "spent"]].mean()
    least = means.groupby("task").min()
    found: list[dict[str, Any]] = []
    for (task, objective, label), rows in grouped(curves, ["task", "objective", "label"]):
        steps, seconds = least.loc[task]
        found.append(
            {
                "task": task,
                "objective": objective,
                "label": label,
                "runs": rows["cell"].nunique(),
                "steps": steps,
                "at_steps": _last(rows[rows["step"] <= steps]),
                "seconds": seconds,
                "at_seconds": _last(rows[rows["seconds"] <= seconds]),
            }
        )
    return pd.DataFrame(found, columns=EQUAL_COST)


def _last(rows: pd.DataFrame) -> float:
    """The mean over cells of the last validation score; NaN without rows."""
    last = rows.sort_values("step", kind="stable").groupby("cell", observed=True)["validation_score"].last()
    return float(last.mean())
