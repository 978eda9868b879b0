"""Statistics as pure functions of arrays: intervals and tests.

The unit is a run. The interval of a mean over runs is a cluster bootstrap over seeds and the sequences of
each seed, and Wilson's for the number of sequences if all draws agree. Pooling the predictions of all runs
would understate the uncertainty, because the predictions of one run share its weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Num
from numpy import ndarray

__all__ = [
    "cluster_bootstrap",
    "generator",
    "holm",
    "interval",
    "normalised",
    "sign_flip",
    "stratified_bootstrap",
    "wilson",
]

if TYPE_CHECKING:
    Array = ndarray[Any, Any]
else:
    # Where no axis is left, numpy gives a scalar.
    Array = ndarray | np.float64 | np.bool_

LEVEL = 0.95
DRAWS = 1000
_EXACT = 14
"""The largest number of pairs for which a sign-flip test uses all 2ⁿ signs."""


def generator(*purpose: str | int) -> np.random.Generator:
    """A random generator for one purpose: an interval never depends on which others are drawn."""
    text = "\x1f".join(map(str, purpose))
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))


def wilson(
    correct: Num[Array, "*n"] | float, total: Num[Array, "*n"] | float, level: float = LEVEL
) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """Wilson's score interval of a proportion (Wilson 1927).

    Returns:
        Lower and upper ends; NaN where `total` is 0.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    n = np.where(np.asarray(total) > 0, total, np.nan)
    p = np.asarray(correct) / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


def normalised(accuracy: Float[Array, "*n"], chance: Float[Array, "*#n"]) -> Float[Array, "*n"]:
    """(accuracy − chance)/(1 − chance): 0 at chance, 1 if all answers are correct, NaN if chance is 1."""
    room = 1.0 - np.asarray(chance, dtype=float)
    return (np.asarray(accuracy, dtype=float) - chance) / np.where(room > 0, room, np.nan)


def cluster_bootstrap(
    correct: Sequence[Float[Array, "_s b"]],
    total: Sequence[Float[Array, "_s b"]],
    *,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Float[Array, "draws b"]:
    """Mean accuracy over runs in each draw: runs are drawn with replacement, then sequences within each run.

    With a single run only its sequences are drawn, so the spread says nothing about other seeds.

    Args:
        correct: for each run, the number of correct predictions (or the sum of another value) by sequence s
            and bucket b.
        total: for each run, the number of predictions by sequence and bucket.

    Returns:
        The means; NaN in draws in which a bucket has no prediction.
    """
    runs, buckets = len(correct), correct[0].shape[1]
    drawn = rng.integers(runs, size=(draws, runs))
    accuracy = np.empty((draws, runs, buckets))
    for run, (right, scored) in enumerate(zip(correct, total, strict=True)):
        slots = drawn == run
        count, sequences = int(slots.sum()), len(right)
        picks = rng.integers(sequences, size=(count, sequences)) + sequences * np.arange(count)[:, None]
        weights = np.bincount(picks.ravel(), minlength=count * sequences)
        weights = weights.reshape(count, sequences).astype(float)
        n = weights @ scored
        accuracy[slots] = np.divide(weights @ right, n, out=np.full(n.shape, np.nan), where=n > 0)
    known = np.isfinite(accuracy)
    known_runs = known.sum(axis=1)
    summed = np.where(known, accuracy, 0.0).sum(axis=1)
    mean: Array = np.divide(summed, known_runs, out=np.full(summed.shape, np.nan), where=known_runs > 0)
    return mean


def stratified_bootstrap(
    strata: Sequence[Float[Array, " _n"]], *, rng: np.random.Generator, draws: int = DRAWS
) -> Float[Array, " draws"]:
    """The mean over strata of their means, drawn within each stratum (arXiv:2108.13264, section 4.1).

    The strata are fixed, so the spread says nothing about other strata.
    """
    means = [
        np.asarray(stratum)[rng.integers(len(stratum), size=(draws, len(stratum)))].mean(axis=1)
        for stratum in strata
    ]
    mean: Array = np.mean(means, axis=0)
    return mean


def sign_flip(strata: Sequence[Float[Array, " _n"]], *, rng: np.random.Generator, draws: int = 9999) -> float:
    """Two-sided p of a sign-flip test (Fisher 1935) of the mean over strata of their mean differences.

    Exact for up to 14 pairs, with all combinations of signs; otherwise from random signs and the observed
    ones. With n pairs, p is at least 2/2ⁿ.
    """
    effects = np.concatenate([np.asarray(stratum, dtype=float) / len(stratum) for stratum in strata]) / len(
        strata
    )
    n = len(effects)
    if n <= _EXACT:
        signs = 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    else:
        drawn = rng.integers(2, size=(draws, n)) * 2.0 - 1.0
        signs = np.concatenate([np.ones((1, n)), drawn])
    seen = abs(effects.sum())
    # The order of a sum changes its rounding.
    return float((np.abs(signs @ effects) >= seen - 1e-9 * max(1.0, seen)).mean())


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for their number (Holm 1979), in the given order."""
    order = np.argsort(p, kind="stable")
    scaled = np.asarray(p, dtype=float)[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(p) else scaled
    return [float(value) for value in corrected]


def interval(
    redrawn: Float[Array, "draws ..."], level: float = LEVEL
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The percentile interval of each column of a bootstrap; NaN if no draw has a value."""
    flat = redrawn.reshape(len(redrawn), -1)
    known = np.isfinite(flat).any(axis=0)
    ends = np.full((2, flat.shape[1]), np.nan)
    if known.any():
        ends[:, known] = np.nanquantile(flat[:, known], [0.5 - level / 2, 0.5 + level / 2], axis=0)
    low, high = ends.reshape(2, *redrawn.shape[1:])
    return low, high
