"""Statistics as pure functions of arrays: intervals, tests and their correction for number.

The unit is a run: one seed of one encoding on one task. An interval of a mean over runs is Student's t on the
means of runs; an interval inside one run takes its sequences as the unit. Predictions are never the unit:
those of one run share its weights, and those of one sequence share its tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Num
from numpy import ndarray
from scipy import special
from statsmodels.stats.proportion import proportion_confint

__all__ = [
    "ALPHA",
    "CLAIMS_SHARE",
    "LEVEL",
    "RANKING_SHARE",
    "RESOLUTION",
    "Estimate",
    "across_runs",
    "bounded_mean",
    "design_effect",
    "exact",
    "heterogeneity",
    "holm",
    "mean_of_estimates",
    "normalised",
    "open_levels",
    "run_mean",
    "t_interval",
    "wilson",
    "within_run",
]

if TYPE_CHECKING:
    Array = ndarray[Any, Any]
else:
    # Where no axis is left, numpy gives a scalar.
    Array = ndarray | np.float64 | np.bool_

LEVEL = 0.95

RESOLUTION = 0.002
"""The smallest standard deviation between runs that is believed: about one prediction of a test set."""

_WORTH = 100.0
"""The predictions that the value of a run counts for where all runs have the same."""

ALPHA = 0.05
"""The rate of false statements that a whole report may make when nothing differs."""

CLAIMS_SHARE, RANKING_SHARE = 0.6, 0.4
"""How claims and rankings share that rate. p-values are divided by the share, and so compare with `ALPHA`."""


@dataclass(frozen=True)
class Estimate:
    """An estimated mean with its standard error and degrees of freedom; both NaN from a single run."""

    mean: float
    error: float
    freedom: float

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Student's t interval."""
        low, high = t_interval(np.asarray(self.mean), np.asarray(self.error), np.asarray(self.freedom), level)
        return float(low), float(high)

    def inside(self, level: float = LEVEL) -> tuple[float, float]:
        """The interval without what lies above 1, where no normalised accuracy can be; 0 is no bound."""
        low, high = self.interval(level)
        return low, float(np.fmin(high, max(self.mean, 1.0)))

    def p_above(self, value: float) -> float:
        """One-sided p of the hypothesis that the mean is at most `value`; NaN without an error."""
        return self._below(-(self.mean - value))

    def p_below(self, value: float) -> float:
        """One-sided p of the hypothesis that the mean is at least `value`; NaN without an error."""
        return self._below(self.mean - value)

    def _below(self, distance: float) -> float:
        # scipy.stats.t takes ten times as long, and a report has thousands of pairs.
        return float(special.stdtr(self.freedom, distance / self.error)) if self.error > 0 else float("nan")


def run_mean(values: Float[Array, " r"]) -> Estimate:
    """The mean over runs with its standard error; a standard deviation below `RESOLUTION` counts as that."""
    n = len(values)
    if n < 2:
        return Estimate(float(values.mean()) if n else np.nan, np.nan, np.nan)
    spread = max(float(values.std(ddof=1)), RESOLUTION)
    return Estimate(float(values.mean()), spread / n**0.5, n - 1.0)


def t_interval(
    mean: Float[Array, "*n"],
    error: Float[Array, "*n"],
    freedom: Float[Array, "*n"],
    level: float = LEVEL,
) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """Student's t interval of means with these standard errors and degrees of freedom; NaN if unknown."""
    half = special.stdtrit(freedom, 0.5 + level / 2) * error
    return mean - half, mean + half


def across_runs(
    means: Float[Array, "r b"], predictions: Float[Array, " b"], level: float = LEVEL
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """The interval of a mean proportion over runs: the hull of Student's t as it is and on the log odds.

    Plain t leaves [0, 1] and covers too little near its ends, where the means of runs are skewed; t on the
    log odds (delta method) covers too little where one run is far off. Their hull was chosen by simulation.
    If all runs agree, the interval is Wilson's for the predictions of all runs.

    Args:
        means: the mean of each run; NaN for a run without predictions.
        predictions: independent predictions, e.g. sequences, of all runs together.

    Returns:
        Lower and upper ends; NaN with fewer than two runs.
    """
    runs = np.isfinite(means).sum(0)
    known = np.where(runs > 1, runs, 2)
    mean = np.nansum(means, 0) / known
    variance = np.where(np.isfinite(means), (means - mean) ** 2, 0.0).sum(0) / (known - 1)
    half = special.stdtrit(known - 1, 0.5 + level / 2) * np.sqrt(variance / known)
    n = np.maximum(np.asarray(predictions, dtype=float), 1.0)
    inner = (np.clip(mean, 0, 1) * n + 0.5) / (n + 1)  # log odds need a mean off 0 and 1
    odds, spread = np.log(inner / (1 - inner)), half / (inner * (1 - inner))
    low = np.clip(np.minimum(mean - half, _logistic(odds - spread)), 0.0, 1.0)
    high = np.clip(np.maximum(mean + half, _logistic(odds + spread)), 0.0, 1.0)
    agreed = wilson(np.clip(mean, 0, 1) * n, n, level)
    same = variance < 1e-12
    low, high = np.where(same, agreed[0], low), np.where(same, agreed[1], high)
    return np.where(runs > 1, low, np.nan), np.where(runs > 1, high, np.nan)


def bounded_mean(values: Float[Array, " r"]) -> tuple[float, float, float]:
    """The mean over runs of a value whose only bound is 1, such as normalised accuracy, with its interval.

    0 is chance there, and no bound: runs are on both sides of it. So the interval is that of `across_runs`
    in the upper half alone, where the log odds widen it downwards, and in the lower half Student's t as it
    is. At .5 the two are the same.

    Returns:
        Mean, lower and upper end; the ends are NaN from one run.
    """
    if not len(values):
        return float("nan"), float("nan"), float("nan")
    if values.mean() < 0.5:
        found = run_mean(values)
        return (found.mean, *found.inside())
    low, high = across_runs(values[:, None], np.array([len(values) * _WORTH]))
    return float(values.mean()), float(low[0]), float(high[0])


def _logistic(values: Float[Array, "*n"]) -> Float[Array, "*n"]:
    shares: Array = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
    return shares


def within_run(
    correct: Float[Array, "s b"], total: Float[Array, "s b"], level: float = LEVEL
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """The interval of a run's accuracy by its sequences: Wilson's for the effective number of predictions.

    The effective number is that of independent predictions with the variance that the sequences show (Korn
    and Graubard 1998), with Student's t for the number of sequences.

    Args:
        correct: correct predictions by sequence s and bucket b.
        total: predictions by sequence and bucket.

    Returns:
        Lower and upper ends; NaN where a bucket has no prediction.
    """
    n, sequences = total.sum(0), (total > 0).sum(0)
    p = np.divide(correct.sum(0), n, out=np.full(n.shape, np.nan), where=n > 0)
    effective = n * design_effect(correct, total)
    # Student's t for few sequences, as in Korn and Graubard's correction of the effective number.
    few = special.ndtri(0.5 + level / 2) / special.stdtrit(np.maximum(sequences - 1, 1), 0.5 + level / 2)
    few = np.where((p > 0) & (p < 1), few, 1.0)
    low, high = wilson(p * effective * few**2, effective * few**2, level)
    return low, high


def design_effect(correct: Float[Array, "s b"], total: Float[Array, "s b"]) -> Float[Array, " b"]:
    """Effective over nominal number of predictions in each bucket, from 1 over the largest sequence to 1.

    Where all predictions agree, the sequences say nothing about it, and it is one prediction a sequence.
    """
    n, sequences = total.sum(0), (total > 0).sum(0)
    some = np.where(n > 0, n, 1.0)
    p = correct.sum(0) / some
    residual = correct - p * total
    variance = (residual**2).sum(0) * sequences / np.maximum(sequences - 1, 1) / some**2
    share = np.divide(p * (1 - p) / some, variance, out=np.zeros(n.shape), where=variance > 0)
    fewest = np.where(n > 0, sequences / some, 1.0)
    lowest: Array = np.where(variance > 0, 0.0, fewest)
    bounded: Array = np.clip(np.maximum(share, lowest), np.minimum(fewest, 1.0) / 2, 1.0)
    return bounded


def wilson(
    correct: Num[Array, "*n"] | float, total: Num[Array, "*n"] | float, level: float = LEVEL
) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """Wilson's score interval of a proportion (Wilson 1927); NaN where `total` is 0."""
    n = np.where(np.asarray(total) > 0, total, np.nan)
    low, high = proportion_confint(np.asarray(correct, dtype=float), n, alpha=1 - level, method="wilson")
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def exact(count: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a proportion from `count` of `n` (Clopper and Pearson 1934)."""
    low, high = proportion_confint(count, n, alpha=1 - level, method="beta")
    return float(low), float(high)


def normalised(accuracy: Float[Array, "*n"], chance: Float[Array, "*#n"]) -> Float[Array, "*n"]:
    """(accuracy − chance)/(1 − chance): 0 at chance, 1 if all answers are correct, NaN if chance is 1."""
    room = 1.0 - np.asarray(chance, dtype=float)
    return (np.asarray(accuracy, dtype=float) - chance) / np.where(room > 0, room, np.nan)


def mean_of_estimates(
    means: Float[Array, "*n k"], variances: Float[Array, "*n k"], freedoms: Float[Array, "*n k"]
) -> tuple[Float[Array, "*n"], Float[Array, "*n"], Float[Array, "*n"]]:
    """The sum of independent estimates along the last axis, with Welch's degrees of freedom.

    Welch (1947) and Satterthwaite (1946): ν = (Σ v)²/Σ(v²/ν). Estimates that are NaN are left out.

    Args:
        means: e.g. the mean of one arm over the number of tasks, and minus that of the other.
        variances: of each mean.
        freedoms: of each variance.

    Returns:
        Sum, standard error and degrees of freedom.
    """
    known = np.isfinite(means) & np.isfinite(variances)
    v = np.where(known, variances, 0.0)
    total = v.sum(-1)
    parts = (v**2 / np.where(known, freedoms, 1.0)).sum(-1)
    freedom = np.divide(total**2, parts, out=np.full(total.shape, np.nan), where=parts > 0)
    return np.where(known, means, 0.0).sum(-1), np.sqrt(total), freedom


def heterogeneity(effects: Sequence[Estimate]) -> float:
    """The p that independent effects have one mean (Welch 1951); NaN from fewer than two effects."""
    k = len(effects)
    if k < 2:
        return float("nan")
    d, error, freedom = (
        np.array([getattr(effect, name) for effect in effects]) for name in ("mean", "error", "freedom")
    )
    weights = 1 / error**2
    share = weights / weights.sum()
    spread = (weights * (d - (share * d).sum()) ** 2).sum() / (k - 1)
    correction = ((1 - share) ** 2 / freedom).sum()
    f = spread / (1 + 2 * (k - 2) / (k**2 - 1) * correction)
    return float(special.fdtrc(k - 1, (k**2 - 1) / (3 * correction), f))


def holm(p: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """P-values corrected for their number (Holm 1979), in the given order.

    Args:
        weights: the share of the error rate that each may use first; by default the same for all.
    """
    values = np.asarray(p, dtype=float)
    shares = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    order = np.argsort(values / shares, kind="stable")
    left = shares[order][::-1].cumsum()[::-1]
    scaled = values[order] * left / shares[order]
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(values) else scaled
    return [float(value) for value in corrected]


def open_levels(decided: Sequence[bool], weights: Sequence[float] | None = None) -> list[float]:
    """The share of the error rate at which Holm's method decides each test next, all others as they are.

    It has the decided tests behind it. So a p of at most this share of the rate is decided, and one that is
    larger is not.

    Args:
        decided: whether each test is, now.
        weights: as for `holm`.
    """
    shares = np.ones(len(decided)) if weights is None else np.asarray(weights, dtype=float)
    known = np.asarray(decided, dtype=bool)
    left = shares[~known].sum() + np.where(known, shares, 0.0)
    return [float(level) for level in shares / left]
