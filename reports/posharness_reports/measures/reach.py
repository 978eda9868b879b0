"""How far information carries: the area under accuracy by log distance, and the reach at a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import special
from scipy.integrate import trapezoid
from scipy.optimize import isotonic_regression

from posharness_reports.measures.statistics import LEVEL, across_runs, bounded_mean, normalised, wilson

__all__ = ["FEWEST", "THRESHOLD", "Reach", "area", "merged", "reach"]

Array = ndarray[Any, Any]

THRESHOLD = 0.9
"""The normalised accuracy whose distance is the reach."""

FEWEST = 50
"""The smallest number of predictions of a run in a bucket that the reach is fitted to."""

_STEPS = 8
"""Places between two buckets at which the interval is tested."""


@dataclass(frozen=True)
class Reach:
    """The reach in tokens, with its interval; NaN from fewer than `FEWEST` predictions of a run.

    A value of 0 means below the shortest distance tested, and infinity at least the longest.
    """

    length: float
    low: float
    high: float


def area(
    scores: Float[Array, "r b"], positions: Float[Array, " b"]
) -> tuple[Float[Array, " r"], float, float, float]:
    """The area under normalised accuracy over the logarithm of distance, from 0 to 1.

    Args:
        scores: the normalised accuracy of each run r in each bucket b; NaN where a bucket is empty.
        positions: the distance of each bucket, ascending and above 0.

    Returns:
        The area of each run, the mean over runs, and its interval as in `across_runs`; the ends
        are NaN from one run. All NaN if there are fewer than two buckets.
    """
    nothing = np.full(len(scores), np.nan)
    if len(positions) < 2:
        return nothing, np.nan, np.nan, np.nan
    place = np.log(positions)
    each = np.array([_area(run, place) for run in scores])
    known = each[np.isfinite(each)]
    return each, *bounded_mean(known)


def _area(run: Float[Array, " b"], place: Float[Array, " b"]) -> float:
    known = np.isfinite(run)
    if known.sum() < 2:
        return float("nan")
    x = place[known]
    return float(trapezoid(run[known], x) / (x[-1] - x[0]))


def merged(total: Float[Array, "r b"], fewest: int = FEWEST) -> list[list[int]]:
    """Neighbouring buckets joined until each has `fewest` predictions of every run, nearest first.

    What is left at the end joins the last group, so no group is decided by a few predictions.
    """
    groups: list[list[int]] = [[]]
    for b in range(total.shape[1]):
        groups[-1].append(b)
        if total[:, groups[-1]].sum(1).min() >= fewest:
            groups.append([])
    *full, rest = groups
    if not rest:
        return full
    return [*full[:-1], [*full[-1], *rest]] if full else [rest]


def reach(
    summed: Float[Array, "r b"],
    total: Float[Array, "r b"],
    effective: Float[Array, "r b"],
    chance: Float[Array, " b"],
    positions: Float[Array, " b"],
    threshold: float = THRESHOLD,
) -> Reach:
    """The distance at which normalised accuracy falls below `threshold`, fitted from all buckets.

    The accuracies of each run are fitted by a falling step function (isotonic regression, weighted by counts)
    and joined on the log odds over log distance; a run's curve may so be of any falling shape. At every
    distance Student's t tests the mean of the runs' log odds against the threshold; the interval holds the
    distances that this test does not reject. With one run the test is about its sequences only.

    Where buckets were joined, the nearest of them can be above the threshold and all together below. So
    neither the reach nor its interval is nearer than a distance whose own bucket is surely above, with no
    mean below it at a nearer one, and a reach below the shortest distance is not said where the runs are
    above the threshold there.

    Args:
        summed: correct predictions of run r in bucket b.
        total: predictions.
        effective: the number of independent predictions that these are worth, for the test of one run.
        chance: the accuracy that counts as 0.
        positions: the distance of each bucket, ascending and above 0.
    """
    groups = merged(total)
    if min(total[:, g].sum(1).min() for g in groups) < FEWEST:
        return Reach(np.nan, np.nan, np.nan)
    weights = total.sum(0)
    n = np.stack([total[:, g].sum(1) for g in groups], 1)
    accuracy = np.stack([summed[:, g].sum(1) for g in groups], 1) / np.maximum(n, 1)
    base = np.array([np.average(chance[g], weights=weights[g] + 1e-9) for g in groups])
    place = np.array([np.average(np.log(positions[g]), weights=weights[g] + 1e-9) for g in groups])
    worth = np.stack([effective[:, g].sum(1) for g in groups], 1)
    fitted = np.array(
        [
            isotonic_regression(a, weights=np.maximum(w, 1), increasing=False).x
            for a, w in zip(accuracy, n, strict=True)
        ]
    )
    odds, slope = _log_odds(fitted, n, base)
    grid = np.unique(np.concatenate([place, *np.linspace(place[:-1], place[1:], _STEPS)]))
    runs = np.array([np.interp(grid, place, run) for run in odds])
    mean = runs.mean(0)
    if len(runs) > 1:
        half = special.stdtrit(len(runs) - 1, 0.5 + LEVEL / 2) * runs.std(0, ddof=1) / np.sqrt(len(runs))
    else:
        inner = (accuracy * n + 0.5) / (n + 1)
        error = slope * np.sqrt(inner * (1 - inner) / np.maximum(worth, 1))
        half = special.ndtri(0.5 + LEVEL / 2) * np.interp(grid, place, error[0])
    goal = float(np.log(threshold / (1 - threshold)))
    length, low, high = (_crossing(line, grid, goal) for line in (mean, mean - half, mean + half))
    own = np.divide(summed, total, out=np.full(summed.shape, np.nan), where=total > 0)
    least = _surely_kept(own, effective.sum(0), chance + threshold * (1 - chance), positions)
    first = np.array(groups[0])
    kept = np.cumprod(normalised(_mean(own[:, first]), chance[first]) >= threshold).sum()
    length = max(length, least, float(positions[first[kept - 1]]) if kept else 0.0)
    return Reach(length, max(low, least), max(high, length))


def _surely_kept(
    accuracy: Float[Array, "r b"],
    worth: Float[Array, " b"],
    goal: Float[Array, " b"],
    positions: Float[Array, " b"],
) -> float:
    """The farthest distance whose bucket is surely above the goal, with no mean below it at a nearer one.

    0 if there is none, and infinity if it is the last.
    """
    if len(accuracy) > 1:
        low, _ = across_runs(accuracy, worth)
    else:
        low, _ = wilson(_mean(accuracy) * worth, worth)
    below = _mean(accuracy) < goal
    before = int(np.argmax(below)) if below.any() else len(goal)
    kept = np.flatnonzero((low > goal)[:before])
    if not len(kept):
        return 0.0
    return float("inf") if kept[-1] == len(goal) - 1 else float(positions[kept[-1]])


def _mean(values: Float[Array, "r b"]) -> Float[Array, " b"]:
    """The mean over the runs that have a value; NaN where none has."""
    known = np.isfinite(values).sum(0)
    means: Array = np.divide(np.nansum(values, 0), known, out=np.full(len(known), np.nan), where=known > 0)
    return means


def _log_odds(
    accuracy: Float[Array, "r b"], n: Float[Array, "r b"], chance: Float[Array, " b"]
) -> tuple[Float[Array, "r b"], Float[Array, "r b"]]:
    """The log odds of normalised accuracy, half a prediction off 0 and 1, and their slope in accuracy."""
    least = 0.5 / (n + 1)
    score = ((accuracy * n + 0.5) / (n + 1) - chance) / np.maximum(1 - chance, 1e-9)
    inner = np.clip(score, least, 1 - least)
    return np.log(inner / (1 - inner)), 1 / (inner * (1 - inner)) / np.maximum(1 - chance, 1e-9)


def _crossing(values: Float[Array, " g"], place: Float[Array, " g"], goal: float) -> float:
    """The distance at which values first fall below the goal; 0 at the first, infinity if they never do."""
    below = values < goal
    if not below.any():
        return float("inf")
    i = int(np.argmax(below))
    if i == 0:
        return 0.0
    share = (values[i - 1] - goal) / (values[i - 1] - values[i])
    return float(np.exp(place[i - 1] + share * (place[i] - place[i - 1])))
