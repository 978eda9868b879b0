"""Runs counted by sequence and bucket, and their mean with the interval of the cluster bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy import ndarray

from posharness_reports.data.grouping import grouped
from posharness_reports.measures.statistics import cluster_bootstrap, generator, interval, wilson

__all__ = ["RunCounts", "count_runs", "mean_with_interval"]

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


def count_runs(
    rows: pd.DataFrame, index: Int[Array, " n"], buckets: int, value: str = "correct"
) -> Iterator[tuple[str, list[RunCounts]]]:
    """The counts of each run of each label, in the order of seeds.

    Args:
        rows: columns label, seed, length, sequence and `value`.
        index: the bucket of each row.
    """
    for label, rows_of_label in grouped(rows.assign(_bucket=index), ["label"]):
        runs = [_count(int(seed[0]), run, buckets, value) for seed, run in grouped(rows_of_label, ["seed"])]
        yield str(label[0]), runs


def _count(seed: int, run: pd.DataFrame, buckets: int, value: str) -> RunCounts:
    # A sequence is identified by its length and number: numbers start at 0 for each evaluation length.
    lengths, numbers = run["length"].to_numpy(np.int64), run["sequence"].to_numpy(np.int64)
    _, sequence = np.unique(lengths * (numbers.max() + 1) + numbers, return_inverse=True)
    place = sequence * buckets + run["_bucket"].to_numpy()
    size = (int(sequence.max()) + 1) * buckets
    total = np.bincount(place, minlength=size)
    summed = np.bincount(place, weights=run[value].to_numpy(float), minlength=size)
    return RunCounts(seed, summed.reshape(-1, buckets), total.reshape(-1, buckets).astype(float))


def mean_with_interval(
    runs: list[RunCounts], key: tuple[str | int, ...], *, proportion: bool = True
) -> tuple[Array, Array, Array, Array]:
    """The mean over runs in each bucket; each run counts once.

    Args:
        key: identifies the bootstrap, so that its draws do not depend on other intervals.
        proportion: whether values are 0 or 1; then Wilson's interval is used when all draws agree.

    Returns:
        Mean, lower end and upper end by bucket, and the mean of every draw (draws b).
    """
    redrawn = cluster_bootstrap([r.summed for r in runs], [r.total for r in runs], rng=generator(*key))
    sums = np.array([[run.summed.sum(0), run.total.sum(0)] for run in runs])
    each = np.divide(sums[:, 0], sums[:, 1], out=np.full(sums[:, 0].shape, np.nan), where=sums[:, 1] > 0)
    known = np.isfinite(each).sum(0)
    mean = np.divide(np.nansum(each, 0), known, out=np.full(len(known), np.nan), where=known > 0)
    low, high = interval(redrawn)
    if proportion:
        # If all draws agree, their interval has no width, however few the sequences. Then every sequence was
        # completely right or completely wrong (or there is only one), so Wilson's n is the sequences.
        sequences = np.sum([(run.total > 0).sum(0) for run in runs], axis=0)
        certain = low == high
        low[certain], high[certain] = wilson(mean[certain] * sequences[certain], sequences[certain])
    return mean, low, high, redrawn
