"""Runs count_runs by sequence and bucket, and their mean with the interval of the cluster bootstrap."""

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
    """One run's predictions, by sequence and bucket.

    Attributes:
        summed: their values, e.g. 1 for a correct one, added up.
        total: how many there are.
    """

    seed: int
    summed: Float[Array, "s b"]
    total: Float[Array, "s b"]


def count_runs(
    rows: pd.DataFrame, index: Int[Array, " n"], buckets: int, value: str = "correct"
) -> Iterator[tuple[str, list[RunCounts]]]:
    """Each label's runs, in the order of their seeds.

    Args:
        rows: columns label, seed, length, sequence and `value`.
        index: the bucket of each row.
    """
    for label, own in grouped(rows.assign(_bucket=index), ["label"]):
        runs = [_count(int(seed[0]), run, buckets, value) for seed, run in grouped(own, ["seed"])]
        yield str(label[0]), runs


def _count(seed: int, run: pd.DataFrame, buckets: int, value: str) -> RunCounts:
    # A sequence is known by its length and number: each evaluation length starts at 0 again.
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
    """The mean over runs in each bucket, each run counting once.

    Args:
        key: the purpose that the bootstrap is drawn for.
        proportion: whether values are 0 or 1, so that Wilson's interval stands in where all draws agree.

    Returns:
        Mean, lower end and upper end by bucket, and every draw's mean (draws b).
    """
    redrawn = cluster_bootstrap([r.summed for r in runs], [r.total for r in runs], rng=generator(*key))
    sums = np.array([[run.summed.sum(0), run.total.sum(0)] for run in runs])
    each = np.divide(sums[:, 0], sums[:, 1], out=np.full(sums[:, 0].shape, np.nan), where=sums[:, 1] > 0)
    known = np.isfinite(each).sum(0)
    mean = np.divide(np.nansum(each, 0), known, out=np.full(len(known), np.nan), where=known > 0)
    low, high = interval(redrawn)
    if proportion:
        # Draws that all agree hide how little they were drawn from. Then every sequence was all right or
        # all wrong (or there is one only), so that sequences are what Wilson's interval has to count.
        sequences = np.sum([(run.total > 0).sum(0) for run in runs], axis=0)
        certain = low == high
        low[certain], high[certain] = wilson(mean[certain] * sequences[certain], sequences[certain])
    return mean, low, high, redrawn
