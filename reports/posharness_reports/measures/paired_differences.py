"""Differences between two answers to the same question: means by distance and overall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from posharness_reports.measures.buckets import Buckets
from posharness_reports.measures.run_counts import RunCounts, count_runs, mean_with_interval

__all__ = ["PairedDifference", "accuracy_by_class", "mean_difference", "paired"]

_PLACE = ["label", "seed", "length", "sequence", "position"]
_STATISTICS = ["seeds", "pairs", "mean", "low", "high"]


@dataclass(frozen=True)
class PairedDifference:
    """Mean differences over runs, with 95 % intervals: across runs, or by the sequences of a single run.

    Attributes:
        points: columns label, bucket, x, seeds, pairs, mean, low, high.
        runs: the mean of each run; columns label, bucket, x, seed, mean.
        overall: the mean over all pairs, with and without a distance; columns label, seeds, pairs, mean,
            low, high.
    """

    points: pd.DataFrame
    runs: pd.DataFrame
    overall: pd.DataFrame


def paired(one: pd.DataFrame, other: pd.DataFrame, value: str) -> pd.DataFrame:
    """The questions answered in both frames, matched by label, seed, sequence and position.

    Returns:
        Columns label, seed, length, sequence, position, dependency_length (as in `one`), stratum and
        difference: `value` in `one` minus `value` in `other`.

    Raises:
        pandas.errors.MergeError: a question has two answers in one frame.
    """
    both = one.merge(other[[*_PLACE, value]], on=_PLACE, suffixes=("", "_other"), validate="one_to_one")
    difference = both[value].astype(float) - both[f"{value}_other"].astype(float)
    return both[[*_PLACE, "dependency_length", "stratum"]].assign(difference=difference)


def mean_difference(pairs: pd.DataFrame) -> PairedDifference:
    """The mean difference by distance and overall.

    Args:
        pairs: from `paired`.
    """
    near = pairs[pairs["dependency_length"] >= 0]
    points: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    if len(near):
        distances = near["dependency_length"].to_numpy()
        buckets = Buckets.of(distances)
        places = list(zip(buckets.names, buckets.positions, strict=True))
        for label, runs_of_label in count_runs(near, buckets.index(distances), len(buckets), "difference"):
            means = _means(runs_of_label)
            for b, ((name, x), statistics) in enumerate(zip(places, means, strict=True)):
                where = {"label": label, "bucket": name, "x": x}
                if statistics["pairs"]:
                    points.append(where | statistics)
                    runs += [where | line for line in _run_means(runs_of_label, b)]
    overall = [
        {"label": label, **_means(runs_of_label)[0]}
        for label, runs_of_label in count_runs(pairs, np.zeros(len(pairs), int), 1, "difference")
    ]
    return PairedDifference(
        pd.DataFrame(points, columns=["label", "bucket", "x", *_STATISTICS]),
        pd.DataFrame(runs, columns=["label", "bucket", "x", "seed", "mean"]),
        pd.DataFrame(overall, columns=["label", *_STATISTICS]),
    )


def accuracy_by_class(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Accuracy by label and by the values of a column, in the order of its categories.

    Returns:
        Columns label, `by`, seeds, pairs (the number of predictions), mean, low, high, chance.
    """
    kinds = rows[by].astype("category").cat.remove_unused_categories().cat
    classes, index = [str(name) for name in kinds.categories], kinds.codes.to_numpy()
    # Chance is computed for each model, because its tokenizer decides which questions it can answer.
    chance = rows["chance"].astype(float).groupby([rows["label"].astype(str), index]).mean()
    averages = [
        {"label": label, by: classes[b], **statistics, "chance": chance[label, b]}
        for label, runs_of_label in count_runs(rows, index, len(classes))
        for b, statistics in enumerate(_means(runs_of_label, proportion=True))
        if statistics["pairs"]
    ]
    return pd.DataFrame(averages, columns=["label", by, *_STATISTICS, "chance"])


def _means(runs: list[RunCounts], *, proportion: bool = False) -> list[dict[str, Any]]:
    mean, low, high = mean_with_interval(runs, proportion=proportion)
    return [
        {
            "seeds": sum(bool(run.total[:, b].any()) for run in runs),
            "pairs": int(sum(run.total[:, b].sum() for run in runs)),
            "mean": mean[b],
            "low": low[b],
            "high": high[b],
        }
        for b in range(len(mean))
    ]


def _run_means(runs: list[RunCounts], b: int) -> list[dict[str, Any]]:
    known_runs = [run for run in runs if run.total[:, b].any()]
    return [{"seed": r.seed, "mean": float(r.summed[:, b].sum() / r.total[:, b].sum())} for r in known_runs]
