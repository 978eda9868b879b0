"""Runs counted by sequence and bucket, and their mean with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy import ndarray

from posharness_reports.data.grouping import places
from posharness_reports.measures.statistics import across_runs, t_interval, within_run

__all__ = ["RunCounts", "count_runs", "mean_with_interval", "sums"]

Array = ndarray[Any, Any]


@dataclass(frozen=True)
class RunCounts:
    """The predictions of one run, by sequence and bucket.

    Attributes:
        summed: the sum of their values, e.g. of 1 for a correct and 0 for a wrong prediction.
        total: their number.
    """

    seed: int
    summed: Float[Array, "s b"]
    total: Float[Array, "s b"]

    def in_one_bucket(self) -> RunCounts:
        """The same predictions, whatever their bucket."""
        return RunCounts(self.seed, self.summed.sum(1, keepdims=True), self.total.sum(1, keepdims=True))


def count_runs(
    rows: pd.DataFrame, index: Int[Array, " n"], buckets: int, value: str = "correct"
) -> Iterator[tuple[str, list[RunCounts]]]:
    """The counts of each run of each label, in the order of seeds.

    Args:
        rows: columns label, seed, length, sequence and `value`.
        index: the bucket of each row.
    """
    lengths, numbers = rows["length"].to_numpy(np.int64), rows["sequence"].to_numpy(np.int64)
    values = rows[value].to_numpy(float)
    found: dict[str, list[RunCounts]] = {}
    for (label, seed), own in places(rows, ["label", "seed"]):
        run = _count(int(seed), lengths[own], numbers[own], values[own], index[own], buckets)
        found.setdefault(str(label), []).append(run)
    yield from found.items()


def _count(
    seed: int,
    lengths: Int[Array, " n"],
    numbers: Int[Array, " n"],
    values: Float[Array, " n"],
    index: Int[Array, " n"],
    buckets: int,
) -> RunCounts:
    # A sequence is identified by its length and number: numbers start at 0 for each evaluation length.
    _, sequence = np.unique(lengths * (numbers.max() + 1) + numbers, return_inverse=True)
    place = sequence * buckets + index
    size = (int(sequence.max()) + 1) * buckets
    total = np.bincount(place, minlength=size)
    summed = np.bincount(place, weights=values, minlength=size)
    return RunCounts(seed, summed.reshape(-1, buckets), total.reshape(-1, buckets).astype(float))


def sums(runs: list[RunCounts]) -> tuple[Float[Array, "r b"], Float[Array, "r b"]]:
    """The sum of values and the number of predictions of each run r in each bucket b."""
    return np.array([run.summed.sum(0) for run in runs]), np.array([run.total.sum(0) for run in runs])


def mean_with_interval(
    runs: list[RunCounts], *, proportion: bool = True
) -> tuple[Float[Array, " b"], Float[Array, " b"], Float[Array, " b"]]:
    """The mean over runs in each bucket; each run counts once.

    The interval is Student's t on the means of runs; with one run it is about its sequences only.

    Args:
        proportion: whether values are 0 or 1; then the interval stays inside 0 and 1.

    Returns:
        Mean, lower end and upper end by bucket.
    """
    summed, total = sums(runs)
    means = np.divide(summed, total, out=np.full(summed.shape, np.nan), where=total > 0)
    known = np.isfinite(means).sum(0)
    mean = np.divide(np.nansum(means, 0), known, out=np.full(len(known), np.nan), where=known > 0)
    if proportion:
        sequences = np.sum([(run.total > 0).sum(0) for run in runs], axis=0).astype(float)
        low, high = across_runs(means, sequences)
    else:
        count = np.maximum(known, 2).astype(float)
        squares = np.where(np.isfinite(means), (means - mean) ** 2, 0.0).sum(0)
        error = np.sqrt(squares / (count - 1) / count)
        low, high = t_interval(mean, np.where(known > 1, error, np.nan), count - 1)
    for b in np.flatnonzero(known == 1):
        run = runs[int(np.flatnonzero(np.isfinite(means[:, b]))[0])]
        alone = (run.summed[:, [b]], run.total[:, [b]])
        ends = within_run(*alone) if proportion else _clusters(*alone)
        low[b], high[b] = ends[0][0], ends[1][0]
    return mean, low, high


def _clusters(
    summed: Float[Array, "s b"], total: Float[Array, "s b"]
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """Student's t interval of the mean of a run, by its sequences; NaN from a single sequence."""
    n, sequences = total.sum(0), (total > 0).sum(0).astype(float)
    mean = summed.sum(0) / n
    squares = ((summed - mean * total) ** 2).sum(0)
    several = np.where(sequences > 1, sequences, np.nan)
    return t_interval(mean, np.sqrt(squares * several / (several - 1)) / n, several - 1)
