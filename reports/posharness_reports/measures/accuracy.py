"""Accuracy by dependency length and by evaluation length, for each run and across runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Num
from numpy import ndarray

from posharness.contracts import Frames
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.measures.buckets import Buckets
from posharness_reports.measures.reach import THRESHOLD, area, reach
from posharness_reports.measures.run_counts import RunCounts, count_runs, mean_with_interval, sums
from posharness_reports.measures.statistics import design_effect, normalised, within_run

__all__ = [
    "LEARNED",
    "LOST",
    "SCOPES",
    "Learned",
    "Measured",
    "by_dependency_length",
    "by_evaluation_length",
    "learned",
    "tasks_by_zero",
    "zero_name",
]

Array = ndarray[Any, Any]

LEARNED = THRESHOLD
"""The normalised accuracy at the training length from which a run has learned the task."""

_ROUNDING = 1e-9
"""What a score may lack by rounding: (0.95 - 0.5) / (1 - 0.5) is less than 0.9."""

LOST = 0.6
"""The normalised accuracy below which a run has clearly not learned a task that another run has."""

_POINT = ["seeds", "predictions", "accuracy", "low", "high", "chance", "blind", "normalised"]
_RUN = ["seed", "correct", "predictions", "accuracy", "low", "high", "normalised"]
_REACH = [
    *("threshold", "reach", "low", "high", "shortest", "longest", "censored"),
    *("area", "area_low", "area_high", "mean", "seeds"),
]

SCOPES = ("at the training length", "beyond the training length")


@dataclass(frozen=True)
class Measured:
    """Measured accuracy, as frames with the columns task, objective, scope and label.

    Attributes:
        points: mean accuracy over runs in each bucket, with a 95 % interval.
        runs: accuracy of each run in each bucket, with an interval by its sequences.
        reach: the area under normalised accuracy by log distance and the reach of each label (see
            `posharness_reports.measures.reach`).
        areas: the area of each run; columns seed and area.
    """

    points: pd.DataFrame
    runs: pd.DataFrame
    reach: pd.DataFrame
    areas: pd.DataFrame


def by_dependency_length(frames: Frames) -> Measured:
    """Accuracy by dependency length, separately at the training length and beyond it.

    The longest distances occur only in the longest sequences. Pooled, a loss with distance could not be
    distinguished from a loss with length.
    """
    points: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    reaches: list[dict[str, Any]] = []
    areas: list[dict[str, Any]] = []
    rows = _tested(frames)
    rows = rows[rows["dependency_length"] >= 0]
    beyond = rows["length"] > rows["train_length"]
    inside = (rows["length"] == rows["train_length"]) | rows["train_length"].isna()
    for scope, scoped in zip(SCOPES, (rows[inside], rows[beyond]), strict=True):
        for (task, objective), group in grouped(scoped, ["task", "objective"]):
            distances = group["dependency_length"].to_numpy()
            buckets = Buckets.of(distances)
            index = buckets.index(distances)
            chance, blind, zero = (
                _means(index, group[name].to_numpy(), len(buckets)) for name in ("chance", "blind", "zero")
            )
            about = {
                "task": task,
                "objective": objective,
                "scope": scope,
                "lengths": ", ".join(map(str, sorted(group["length"].unique()))),
                "distance": group["distance"].iloc[0] or "dependency",
            }
            for label, runs_of in count_runs(group, index, len(buckets)):
                where = {**about, "label": label}
                places = [
                    {**where, "bucket": name, "x": x}
                    for name, x in zip(buckets.names, buckets.positions, strict=True)
                ]
                points += _points(runs_of, places, chance, blind, zero)
                runs += _by_run(runs_of, places, zero)
                each, measured = _reach(runs_of, zero, buckets)
                reaches.append(where | measured)
                areas += [
                    {**where, "seed": run.seed, "area": value}
                    for run, value in zip(runs_of, each, strict=True)
                ]
    place = ["task", "objective", "scope", "lengths", "distance", "label"]
    return Measured(
        _tidy(points, [*place, "bucket", "x", *_POINT]),
        _tidy(runs, [*place, "bucket", "x", *_RUN]),
        _tidy(reaches, [*place, *_REACH]),
        _tidy(areas, [*place, "seed", "area"]),
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
        everything = np.zeros(len(group), int)
        chance, blind, zero = (
            _means(everything, group[name].to_numpy(), 1) for name in ("chance", "blind", "zero")
        )
        trained = group["train_length"].iloc[0]
        about = {"task": task, "objective": objective, "length": int(length), "train_length": trained}
        for label, runs_of in count_runs(group, everything, 1):
            where = [{**about, "label": label}]
            found = _points(runs_of, where, chance, blind, zero)
            points += [point | {"undefined": False} for point in found]
            runs += _by_run(runs_of, where, zero)
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
    """The predictions of the test split, with the training length and the kind of distance of their cell.

    A prediction without a `blind` accuracy has that of chance. `zero` is the accuracy that counts as 0: the
    blind one; and chance where distances are spans, because there one position decides little, and the blind
    accuracy is a high one that runs can be far below.
    """
    rows = frames.predictions
    rows = rows.loc[rows["split"] == "test", [name for name in _NEEDED if name in rows]]
    cells = frames.cells.set_index("cell")
    blind = rows["blind"].astype(float).fillna(rows["chance"]) if "blind" in rows else rows["chance"]
    distance = rows["cell"].map(cells["distance"])
    return rows.assign(
        blind=blind,
        zero=blind.where(distance != "span", rows["chance"]),
        train_length=rows["cell"].map(cells["train_length"]).astype(float),
        distance=distance,
    )


_NEEDED = (
    *("cell", "task", "label", "seed", "objective", "length", "sequence", "dependency_length"),
    *("correct", "chance", "blind"),
)


def tasks_by_zero(points: pd.DataFrame, cells: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The tasks whose scores are 0 at a blind accuracy above chance, and those where they are 0 at chance.

    Args:
        points: of `by_evaluation_length`.
    """
    rows = points[points["accuracy"].notna()]
    spans = set(cells.loc[cells["distance"] == "span", "task"])
    above = (rows["blind"] - rows["chance"] > _SAME) & ~rows["task"].isin(spans)
    blind = set(rows.loc[above, "task"].astype(str))
    return sorted(blind), sorted(set(rows["task"].astype(str)) - blind)


def zero_name(points: pd.DataFrame, cells: pd.DataFrame) -> str:
    """What a score of 0 is on these tasks: "chance", "blind", or both in words; see `tasks_by_zero`."""
    blind, chance = tasks_by_zero(points, cells)
    return f"blind{' (on some tasks chance)' if chance else ''}" if blind else "chance"


_SAME = 1e-6
"""The difference of two means of one accuracy."""


def _points(
    runs: list[RunCounts],
    places: list[dict[str, Any]],
    chance: Float[Array, " b"],
    blind: Float[Array, " b"],
    zero: Float[Array, " b"],
) -> Iterator[dict[str, Any]]:
    """The mean over runs in each bucket that has a prediction; `places` says where each is."""
    accuracy, low, high = mean_with_interval(runs)
    predictions = sums(runs)[1]
    scores = normalised(accuracy, zero)
    for b in np.flatnonzero(np.isfinite(accuracy)):
        yield places[b] | {
            "seeds": int((predictions[:, b] > 0).sum()),
            "predictions": int(predictions[:, b].sum()),
            "accuracy": accuracy[b],
            "low": low[b],
            "high": high[b],
            "chance": chance[b],
            "blind": blind[b],
            "normalised": scores[b],
        }


def _by_run(
    runs: list[RunCounts], places: list[dict[str, Any]], zero: Float[Array, " b"]
) -> Iterator[dict[str, Any]]:
    """The accuracy of each run in each bucket, with its interval by sequences; bucket by bucket."""
    summed, total = sums(runs)
    ends = [within_run(run.summed, run.total) for run in runs]
    for b, where in enumerate(places):
        for i, run in enumerate(runs):
            if total[i, b]:
                accuracy = summed[i, b] / total[i, b]
                yield where | {
                    "seed": run.seed,
                    "correct": int(summed[i, b]),
                    "predictions": int(total[i, b]),
                    "accuracy": accuracy,
                    "low": ends[i][0][b],
                    "high": ends[i][1][b],
                    "normalised": float(normalised(np.asarray(accuracy), zero[b])),
                }


def _reach(
    runs: list[RunCounts], zero: Float[Array, " b"], buckets: Buckets
) -> tuple[Float[Array, " r"], dict[str, Any]]:
    """The area of each run; and area and reach over runs."""
    summed, total = sums(runs)
    accuracy = np.divide(summed, total, out=np.full(summed.shape, np.nan), where=total > 0)
    each, mean, low, high = area(normalised(accuracy, zero), buckets.positions)
    worth = np.array([run.total.sum(0) * design_effect(run.summed, run.total) for run in runs])
    found = reach(summed, total, worth, zero, buckets.positions)
    return each, {
        "threshold": THRESHOLD,
        "reach": found.length,
        "low": found.low,
        "high": found.high,
        "shortest": int(buckets.edges[0]),
        "longest": buckets.longest,
        "censored": bool(np.isposinf(found.length)),
        "area": mean,
        "area_low": low,
        "area_high": high,
        "mean": float(np.nanmean(accuracy)),
        "seeds": len(runs),
    }


def _means(index: Int[Array, " n"], values: Num[Array, " n"], buckets: int) -> Float[Array, " b"]:
    n = np.bincount(index, minlength=buckets)
    summed = np.bincount(index, weights=values.astype(float), minlength=buckets)
    means: Array = np.divide(summed, n, out=np.full(buckets, np.nan), where=n > 0)
    return means


def _tidy(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Learned:
    """How many runs of a label have learned a task at the training length.

    Attributes:
        score: the mean normalised accuracy over runs.
        count: the runs that reach `LEARNED`.
        split: whether some runs have learned it and others are below `LOST`; then a mean describes none.
    """

    score: float
    count: int
    runs: int
    split: bool


def learned(runs: pd.DataFrame, key: tuple[str, str, str]) -> Learned | None:
    """How many runs of (task, objective, label) have learned it; None if not tested at the training length.

    Args:
        runs: of `by_evaluation_length`.
    """
    rows = matching(runs, task=key[0], objective=key[1], label=key[2])
    scores = rows.loc[rows["length"] == rows["train_length"], "normalised"].to_numpy(float)
    if not len(scores):
        return None
    count = int((scores >= LEARNED - _ROUNDING).sum())
    return Learned(float(scores.mean()), count, len(scores), count > 0 and bool((scores < LOST).any()))
