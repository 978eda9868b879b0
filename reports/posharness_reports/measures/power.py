"""How many more seeds are likely to decide a comparison."""

from __future__ import annotations

from math import comb

import numpy as np
from scipy import stats

from posharness_reports.measures.statistics import Estimate

__all__ = ["MOST", "more_seeds"]

MOST = 100
"""Beyond this number of seeds an effect counts as not decidable."""

_POWER = 0.8


def more_seeds(effect: Estimate, seeds: float, margin: float, alpha: float, *, split: int = 0) -> int | None:
    """The seeds to add for each label, so that a test decides with a probability of .8.

    If the true effect and the variance between seeds are the estimated ones, a two-sided test at `alpha` then
    finds on which side of the margin the effect is.

    Args:
        effect: with the standard error from `seeds` runs of each label in each task.
        margin: the smallest effect that matters; 0 for a test of no difference.
        split: where runs fall apart, the number of tasks: no p is below what an exchange of runs gives.

    Returns:
        None if there is no error, or more than `MOST` seeds are needed.
    """
    gap = abs(abs(effect.mean) - margin)
    if not effect.error > 0:
        return None
    for total in range(int(np.ceil(seeds)) + 1, MOST + 1):
        factor = total / seeds
        freedom = effect.freedom * factor
        needed = stats.t.ppf(1 - alpha / 2, freedom) + stats.t.ppf(_POWER, freedom)
        believed = not split or 2 / comb(2 * total, total) ** split <= alpha
        if believed and gap >= needed * effect.error / factor**0.5:
            return int(np.ceil(total - seeds))
    return None
