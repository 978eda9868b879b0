"""Tables of learning: the values of each run, the runs that stopped early, and all runs at equal steps."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from posharness_reports.data.grouping import grouped
from posharness_reports.formatting import fraction
from posharness_reports.measures.statistics import exact, run_mean
from posharness_reports.tables.tidy import folded

__all__ = ["at_equal_steps", "curve_summary", "dynamics", "stopped_early"]


def curve_summary(curves: pd.DataFrame) -> pd.DataFrame:
    """A row for each run and objective: first and last loss, best validation score, largest gradient norm."""
    keys = ["task", "objective", "label", "seed"]
    ordered = curves.sort_values([*keys, "step"], kind="stable")
    numbers = ["train_loss", "validation_loss", "validation_score", "gradient_norm"]
    ordered = ordered.astype(dict.fromkeys(numbers, float))
    summary = ordered.groupby(keys, observed=True).agg(
        last_step=("step", "max"),
        first_loss=("train_loss", "first"),
        last_loss=("train_loss", "last"),
        first_validation_loss=("validation_loss", "first"),
        last_validation_loss=("validation_loss", "last"),
        best_validation_accuracy=("validation_score", "max"),
        largest_gradient_norm=("gradient_norm", "max"),
    )
    return folded(summary.reset_index().rename(columns={"label": "encoding"}))


def dynamics(reached: pd.DataFrame) -> pd.DataFrame:
    """A row for each task, objective and label: how many runs get there, how soon, and how steadily.

    Steps and seconds are means over the runs that get there, with the interval across them; the spread of the
    gradient norm is over all runs.

    Args:
        reached: of `steps_to`.
    """
    rows = []
    for (task, objective, label), own in grouped(reached, ["task", "objective", "label"]):
        known = own[own["step"].notna()]
        low, high = exact(len(known), len(own))
        rows.append(
            {
                "task": task,
                "objective": objective,
                "encoding": label,
                "runs that get there": f"{len(known)} of {len(own)} [{fraction(low)}, {fraction(high)}]",
                "steps": _mean(known["step"]),
                "seconds": _mean(known["seconds"]),
                "spread of the gradient norm": own["gradient_spread"].mean(),
            }
        )
    return pd.DataFrame(rows)


def _mean(values: pd.Series[float]) -> str:
    """A mean over runs with its interval, in whole numbers; "–" without a run."""
    found = run_mean(values.to_numpy(float))
    if not len(values):
        return "–"
    low, high = found.interval()
    text = f"{found.mean:.0f}"
    return text if low != low else f"{text} [{max(low, 0):.0f}, {high:.0f}]"


def stopped_early(cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each finished run with fewer steps than it was given: `patience` or `solved` ended it."""
    given = cells["settings"].map(lambda own: own.get("steps") if isinstance(own, Mapping) else None)
    rows = cells.assign(of=given.astype(float))
    rows = rows[(rows["status"] == "done") & (rows["steps"] < rows["of"])].sort_values(
        ["task", "label", "seed"]
    )
    return pd.DataFrame(
        {
            "task": rows["task"].astype(str),
            "encoding": rows["label"].astype(str),
            "seed": rows["seed"],
            "last_step": rows["steps"].astype(int),
            "steps_given": rows["of"].astype(int),
            "best_validation_accuracy": rows["score"].astype(float),
        }
    ).reset_index(drop=True)


def at_equal_steps(curves: pd.DataFrame, stopped: pd.DataFrame) -> pd.DataFrame:
    """On each task of a run that stopped early, the validation accuracy of all labels when the first stopped.

    Args:
        curves: `Frames.curves`.
        stopped: see `stopped_early`.
    """
    first = stopped.groupby("task")["last_step"].min()
    known = curves.assign(task=curves["task"].astype(str)).dropna(subset="validation_score")
    known = known[known["step"] <= known["task"].map(first)].sort_values("step", kind="stable")
    last = known.groupby(["task", "objective", "label", "seed"], observed=True).last().reset_index()
    table = last.groupby(["task", "objective", "label"], observed=True).agg(
        step=("step", "max"), runs=("seed", "size"), validation_accuracy=("validation_score", "mean")
    )
    return folded(table.reset_index().rename(columns={"label": "encoding"}))
