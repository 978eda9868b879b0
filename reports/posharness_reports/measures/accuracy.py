"""Accuracy by dependency length and by evaluation length, for each run and across runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy import ndarray

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.measures.buckets import Buckets
from posharness_reports.measures.effective_length import THRESHOLD, effective_length
from posharness_reports.measures.run_counts import RunCounts, count_runs, mean_with_interval
from posharness_reports.measures.statistics import interval, normalised, wilson

__all__ = ["GATE", "SCOPES", "Measured", "by_dependency_length", "by_evaluation_length"]

Array = ndarray[Any, Any]

GATE = 0.95
"""The normalised score at the training length that an encoding needs to be judged in longer sequences."""

_POINT = ["seeds", "predictions", "accuracy", "low", "high", "chance", "normalised"]
_RUN = ["seed", "correct", "predictions", "accuracy", "low", "high"]
_REACH = ["threshold", "reach", "low", "high", "longest", "censored", "mean"]

SCOPES = ("at the training length", "beyond the training length")


@dataclass(frozen=True)
class Measured:
    """Measured accuracy, as frames with the columns task, objective, scope and label.

    Attributes:
        points: mean accuracy over runs in each bucket, with a 95 % interval.
        runs: accuracy of each run in each bucket, with Wilson's interval.
        reach: the effective dependency length of each label (see `effective_length`).
    """

    points: pd.DataFrame
    runs: pd.DataFrame
    reach: pd.DataFrame


def by_dependency_length(frames: Frames) -> Measured:
    """Accuracy by dependency length, separately at the training length and beyond it.

    The longest distances occur only in the longest sequences. Pooled, a loss with distance could not be
    distinguished from a loss with length.
    """
    points: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    reach: list[dict[str, Any]] = []
    rows = _tested(frames)
    rows = rows[rows["dependency_length"] >= 0]
    beyond = rows["length"] > rows["train_length"]
    inside = (rows["length"] == rows["train_length"]) | rows["train_length"].isna()
    for scope, scoped in zip(SCOPES, (rows[inside], rows[beyond]), strict=True):
        for (task, objective), group in grouped(scoped, ["task", "objective"]):
            distances = group["dependency_length"].to_numpy()
            buckets = Buckets.of(distances)
            index = buckets.index(distances)
            chance = _means(index, group["chance"].to_numpy(), len(buckets))
            about = {
                "task": task,
                "objective": objective,
                "scope": scope,
                "lengths": ", ".join(map(str, sorted(group["length"].unique()))),
                "distance": group["distance"].iloc[0] or "dependency",
            }
            for label, runs_of in count_runs(group, index, len(buckets)):
                key = ("dependency", task, objective, scope, label)
                accuracy, low, high, redrawn = mean_with_interval(runs_of, key)
                for b, name in enumerate(buckets.names):
                    where = {**about, "label": label, "bucket": name, "x": buckets.positions[b]}
                    if np.isfinite(accuracy[b]):
                        points.append(where | _point(runs_of, b, accuracy[b], low[b], high[b], chance[b]))
                        runs += [where | line for line in _by_run(runs_of, b)]
                reach.append({**about, "label": label} | _reach(accuracy, redrawn, chance, buckets))
    place = ["task", "objective", "scope", "lengths", "distance", "label"]
    return Measured(
        _tidy(points, [*place, "bucket", "x", *_POINT]),
        _tidy(runs, [*place, "bucket", "x", *_RUN]),
        _tidy(reach, [*place, *_REACH]),
    )


def by_evaluation_length(frames: Frames) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy by evaluation length, all distances together.

    Returns:
        Points and runs, as in `Measured`, with columns length, train_length and, in the points,
        `undefined`: True, without an accuracy, if the encoding has no value at that length.
    """
    points: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    for (task, objective, length), group in grouped(_tested(frames), ["task", "objective", "length"]):
        chance = _means(np.zeros(len(group), int), group["chance"].to_numpy(), 1)[0]
        trained = group["train_length"].iloc[0]
        about = {"task": task, "objective": objective, "length": int(length), "train_length": trained}
        for label, runs_of in count_runs(group, np.zeros(len(group), int), 1):
            accuracy, low, high, _ = mean_with_interval(
                runs_of, ("length", task, objective, int(length), label)
            )
            point = _point(runs_of, 0, accuracy[0], low[0], high[0], chance)
            points.append({**about, "label": label} | point | {"undefined": False})
            runs += [{**about, "label": label} | line for line in _by_run(runs_of, 0)]
    done = frames.cells[frames.cells["status"] == "done"]
    for (task, label), cells in grouped(done, ["task", "label"]):
        about = {"task": task, "label": label, "train_length": cells["train_length"].iloc[0]}
        for length in sorted(set().union(*cells["undefined_lengths"])):
            for objective in cells["objectives"].iloc[0]:
                points.append({**about, "objective": objective, "length": length, "undefined": True})
    place = ["task", "objective", "length", "train_length", "label"]
    all_points = _tidy(points, [*place, *_POINT, "undefined"]).astype({"undefined": bool})
    return all_points, _tidy(runs, [*place, *_RUN])


def _tested(frames: Frames) -> pd.DataFrame:
    """The predictions of the test split, with the training length and the kind of distance of their cell."""
    rows = frames.predictions[frames.predictions["split"] == "test"]
    cells = frames.cells.set_index("cell")
    return rows.assign(
        train_length=rows["cell"].map(cells["train_length"]).astype(float),
        distance=rows["cell"].map(cells["distance"]),
    )


def _point(
    runs: list[RunCounts], b: int, accuracy: float, low: float, high: float, chance: float
) -> dict[str, Any]:
    tested_runs = [run for run in runs if run.total[:, b].any()]
    return {
        "seeds": len(tested_runs),
        "predictions": int(sum(run.total[:, b].sum() for run in tested_runs)),
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "chance": chance,
        "normalised": float(normalised(np.asarray(accuracy), np.asarray(chance))),
    }


def _by_run(runs: list[RunCounts], b: int) -> Iterator[dict[str, Any]]:
    for run in runs:
        right, scored = int(run.summed[:, b].sum()), int(run.total[:, b].sum())
        if scored:
            low, high = wilson(right, scored)
            ends = {"low": float(low), "high": float(high)}
            yield {
                "seed": run.seed,
                "correct": right,
                "predictions": scored,
                "accuracy": right / scored,
            } | ends


def _reach(accuracy: Array, redrawn: Array, chance: Array, buckets: Buckets) -> dict[str, Any]:
    about = (buckets.positions, buckets.longest)
    length, censored = effective_length(normalised(accuracy, chance), *about)
    lengths, _ = effective_length(normalised(redrawn, chance), *about)
    low, high = interval(lengths)
    return {
        "threshold": THRESHOLD,
        "reach": float(length),
        "low": float(low),
        "high": float(high),
        "longest": buckets.longest,
        "censored": bool(censored),
        "mean": float(np.nanmean(accuracy)),
    }


def _means(index: Array, values: Array, buckets: int) -> Array:
    n = np.bincount(index, minlength=buckets)
    summed = np.bincount(index, weights=values.astype(float), minlength=buckets)
    means: Array = np.divide(summed, n, out=np.full(buckets, np.nan), where=n > 0)
    return means


def _tidy(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)


def learned(points: pd.DataFrame, key: tuple[str, str, str]) -> float | None:
    """The normalised score at the training length of (task, objective, label); None if not tested."""
    rows = matching(points, task=key[0], objective=key[1], label=key[2])
    inside = rows[(rows["length"] == rows["train_length"]) & ~rows["undefined"]]
    return None if inside.empty else float(inside["normalised"].iloc[0])
