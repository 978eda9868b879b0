"""The metrics of claims: one number for each run and task; 0 is chance and 1 is perfect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.measures.accuracy import GATE, SCOPES, learned
from posharness_reports.measures.statistics import normalised
from posharness_reports.study import Study, study

__all__ = ["by_distance", "in_longer_sequences", "while_training"]

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
    measured = ready.by_distance
    rows: list[dict[str, Any]] = []
    for (task, objective), own in _teacher_forced(
        ready, matching(measured.runs, scope=SCOPES[0], distance="dependency")
    ):
        places = sorted(own["x"].unique())
        if len(places) < 2:
            continue
        points = matching(measured.points, scope=SCOPES[0], task=task, objective=objective)
        chance = points.groupby("x")["chance"].mean()
        kept = own[own["x"] >= places[len(places) // 2 if farther else 0]]
        scores = normalised(kept["accuracy"].to_numpy(), kept["x"].map(chance).to_numpy())
        rows += _values(title(task, objective, ready.cells), kept.assign(value=scores))
    return pd.DataFrame(rows, columns=_COLUMNS)


def in_longer_sequences(frames: Frames) -> pd.DataFrame:
    """Normalised accuracy beyond the training length, mean over the tested lengths.

    A label has no value if it has not learned the task at the training length, or is undefined beyond it.

    Returns:
        As `Claim.measure`.
    """
    ready = study(frames)
    points, runs = ready.by_length
    rows: list[dict[str, Any]] = []
    for (task, objective), own in _teacher_forced(ready, points[points["length"] > points["train_length"]]):
        name = title(task, objective, ready.cells)
        chance = own[~own["undefined"]].groupby("length")["chance"].mean()
        beyond = matching(runs[runs["length"] > runs["train_length"]], task=task, objective=objective)
        for label in sorted({*own["label"]}):
            score = learned(points, (task, objective, label))
            if own.loc[own["label"] == label, "undefined"].any():
                rows.append(_without_value(name, label, "undefined"))
            elif score is None or score < GATE:
                rows.append(_without_value(name, label, "not learned"))
            else:
                known = matching(beyond, label=label)
                scores = normalised(known["accuracy"].to_numpy(), known["length"].map(chance).to_numpy())
                rows += _values(name, known.assign(value=scores))
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
    for (task, objective), own in _teacher_forced(ready, curves[curves["cell"].isin(done)]):
        if (task, objective) in chances.index:
            chance = float(chances[task, objective])
            scores = normalised(own["validation_score"].to_numpy(float), np.full(len(own), chance))
            rows += _values(title(task, objective, ready.cells), own.assign(value=scores))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _teacher_forced(ready: Study, rows: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    """The rows of each task and objective, but those of free-running decoding, which has a twin."""
    for (task, objective), own in grouped(rows, ["task", "objective"]):
        if (str(task), str(objective)) not in ready.free_running:
            yield (str(task), str(objective)), own


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
