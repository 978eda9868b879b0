"""How many more seeds are likely to decide a comparison."""

from __future__ import annotations

import numpy as np
from scipy import special

from posharness_reports.measures.statistics import Estimate

__all__ = ["MOST", "more_seeds"]

MOST = 100
"""The seeds in all beyond which nobody is told how many are missing."""

_POWER = 0.8


def more_seeds(effect: Estimate, seeds: float, margin: float, alpha: float) -> int | None:
    """The seeds to add for each label, so that a test decides with a probability of .8.

    If the true effect and the variance between seeds are the estimated ones, a two-sided test at `alpha` then
    finds on which side of the margin the effect is.

    Args:
        effect: with the standard error from `seeds` runs of each label in each task.
        margin: the smallest effect that matters; 0 for a test of no difference.

    Returns:
        None if there is no error, or more than `MOST` seeds are needed.
    """
    gap = abs(abs(effect.mean) - margin)
    if not effect.error > 0:
        return None
    totals = np.arange(int(np.ceil(seeds)) + 1, MOST + 1)
    factor = totals / seeds
    freedom = effect.freedom * factor
    needed = special.stdtrit(freedom, 1 - alpha / 2) + special.stdtrit(freedom, _POWER)
    enough = totals[gap >= needed * effect.error / factor**0.5]
    return int(np.ceil(enough[0] - seeds)) if len(enough) else None
