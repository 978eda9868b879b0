"""The metrics of claims: one number for each run and task; 0 is chance and 1 is perfect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.statistics import normalised
from posharness_reports.study import study

__all__ = ["by_distance", "in_other_lengths", "while_training"]

_COLUMNS = ["task", "label", "seed", "value", "reason"]


def by_distance(frames: Frames, *, farther: bool = False) -> pd.DataFrame:
    """Normalised accuracy at the training length, mean over buckets of dependency length.

    Tasks that have only spans, and tasks with a single bucket of distances, have no value.

    Args:
        farther: use only the farther half of the buckets, rounded up.

    Returns:
        As `Claim.measure`.
    """
    ready = study(frames)
    measured = matching(ready.by_distance.runs, scope=SCOPES[0], distance="dependency")
    rows: list[dict[str, Any]] = []
    for (task, objective), own in grouped(measured, ["task", "objective"]):
        places = sorted(own["x"].unique())
        if len(places) < 2:
            continue
        kept = own[own["x"] >= places[len(places) // 2 if farther else 0]]
        rows += _values(title(task, objective, ready.cells), kept.assign(value=kept["normalised"]))
    return pd.DataFrame(rows, columns=_COLUMNS)


def in_other_lengths(frames: Frames) -> pd.DataFrame:
    """Normalised accuracy in sequences shorter and longer than in training, mean over the tested lengths.

    A label has no value if it is undefined at one of them.

    Returns:
        As `Claim.measure`.
    """
    ready = study(frames)
    points, runs = ready.by_length
    rows: list[dict[str, Any]] = []
    for (task, objective), own in grouped(
        points[points["length"] != points["train_length"]], ["task", "objective"]
    ):
        name = title(task, objective, ready.cells)
        other = matching(runs[runs["length"] != runs["train_length"]], task=task, objective=objective)
        for label in sorted({*own["label"]}):
            if own.loc[own["label"] == label, "undefined"].any():
                rows.append(_without_value(name, label, "undefined"))
            else:
                known = matching(other, label=label)
                rows += _values(name, known.assign(value=known["normalised"]))
    return pd.DataFrame(rows, columns=_COLUMNS)


def while_training(frames: Frames) -> pd.DataFrame:
    """Normalised validation accuracy, mean over the validations of a run: the area under its curve.

    Returns:
        As `Claim.measure`; only for finished runs, because other curves are incomplete.
    """
    ready = study(frames)
    chances = ready.predictions.groupby(["task", "objective"], observed=True)["chance"].mean()
    done = set(ready.cells.loc[ready.cells["status"] == "done", "cell"])
    curves = ready.curves[np.isfinite(ready.curves["validation_score"].astype(float))]
    rows: list[dict[str, Any]] = []
    for (task, objective), own in grouped(curves[curves["cell"].isin(done)], ["task", "objective"]):
        if (task, objective) in chances.index:
            chance = float(chances[task, objective])
            scores = normalised(own["validation_score"].to_numpy(float), np.full(len(own), chance))
            rows += _values(title(str(task), str(objective), ready.cells), own.assign(value=scores))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _values(task: str, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (label, seed), own in grouped(rows.astype({"label": str}), ["label", "seed"]):
        yield {
            "task": task,
            "label": label,
            "seed": int(seed),
            "value": float(own["value"].mean()),
            "reason": "",
        }


def _without_value(task: str, label: str, reason: str) -> dict[str, Any]:
    """A row for a label without a value, for all its seeds (seed −1)."""
    return {"task": task, "label": label, "seed": -1, "value": np.nan, "reason": reason}
