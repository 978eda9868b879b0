"""The metrics of claims: one number for each run and task; 0 is chance and 1 is perfect."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped, matching, places
from posharness_reports.data.prepare import title
from posharness_reports.formatting import percent
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.dynamics import REACHED, steps_to
from posharness_reports.study import study

__all__ = ["by_distance", "in_other_lengths", "slope_by_distance", "speed"]

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


def slope_by_distance(frames: Frames) -> pd.DataFrame:
    """The slope of normalised accuracy at the training length over the binary logarithm of distance.

    It is the change of accuracy with each doubling of the distance, by least squares over the buckets; 0
    where accuracy does not depend on distance.

    Returns:
        As `Claim.measure`.
    """
    ready = study(frames)
    measured = matching(ready.by_distance.runs, scope=SCOPES[0], distance="dependency")
    rows: list[dict[str, Any]] = []
    for (task, objective), own in grouped(measured[measured["x"] > 0], ["task", "objective"]):
        if own["x"].nunique() < 2:
            continue
        name = title(task, objective, ready.cells)
        for (label, seed), run in grouped(own.astype({"label": str}), ["label", "seed"]):
            if len(run) > 1:
                slope = np.polyfit(np.log2(run["x"].to_numpy(float)), run["normalised"].to_numpy(float), 1)[0]
                value = {"value": float(slope), "reason": ""}
                rows.append({"task": name, "label": label, "seed": int(seed), **value})
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


def speed(frames: Frames) -> pd.DataFrame:
    """How soon a run learns: minus the binary logarithm of the steps to `REACHED` on the validation set.

    `precision` is the standard deviation of a time that is known to be between two validations.

    One more is half of the steps. Runs that do not get there have no value, so that it does not say again
    how accurate they are; see `posharness_reports.tables.learning.dynamics` for how many there are.

    Returns:
        As `Claim.measure`; only for finished runs, because other curves are incomplete.
    """
    ready = study(frames)
    reached = steps_to(ready, REACHED)
    rows: list[dict[str, Any]] = []
    for (task, objective), own in grouped(reached, ["task", "objective"]):
        name = title(str(task), str(objective), ready.cells)
        known = own[own["step"].notna()]
        values = known.assign(value=-np.log2(known["step"].to_numpy(float)))
        precision = dict(
            zip(zip(known["label"], known["seed"], strict=True), known["precision"], strict=True)
        )
        rows += [row | {"precision": precision[row["label"], row["seed"]]} for row in _values(name, values)]
        reason = f"does not get {percent(REACHED)} of the way from chance to perfect"
        late = own[own["step"].isna()]
        rows += [
            {"task": name, "label": label, "seed": seed, "value": np.nan, "reason": reason}
            for label, seed in zip(late["label"].tolist(), late["seed"].tolist(), strict=True)
        ]
    return pd.DataFrame(rows, columns=[*_COLUMNS, "precision"])


def _values(task: str, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    values = rows["value"].to_numpy(float)
    for (label, seed), own in places(rows.assign(label=rows["label"].astype(str)), ["label", "seed"]):
        known = values[own][~np.isnan(values[own])]
        mean = float(known.mean()) if len(known) else math.nan
        yield {"task": task, "label": str(label), "seed": int(seed), "value": mean, "reason": ""}


def _without_value(task: str, label: str, reason: str) -> dict[str, Any]:
    """A row for a label without a value, for all its seeds (seed −1)."""
    return {"task": task, "label": label, "seed": -1, "value": np.nan, "reason": reason}
