"""How many more seeds are likely to decide a comparison."""

from __future__ import annotations

import numpy as np
from scipy import special

from posharness_reports.measures.comparison import Effect, floor_p

__all__ = ["MOST", "more_seeds"]

MOST = 100
"""The seeds in all beyond which nobody is told how many are missing."""

_POWER = 0.8


def more_seeds(effect: Effect, margin: float, level: float) -> int | None:
    """The seeds to add for each label, so that a test decides with a probability of .8.

    If the true effect and the variance between seeds are the estimated ones, a two-sided test at `level` then
    finds on which side of the margin the effect is. Where runs are few, so many are needed that exchanging
    them can give a p of `level` at all; see `floor_p`.

    Args:
        effect: of the seeds so far.
        margin: the smallest effect that matters; 0 for a test of no difference.
        level: the p that decides, as the test gives it: what is left after correction.

    Returns:
        None if there is no error, or more than `MOST` seeds are needed.
    """
    gap = abs(abs(effect.tested.mean) - margin)
    if not effect.tested.error > 0:
        return None
    runs, variance, freedom = _means(effect)
    more = np.arange(1, MOST + 1 - int(runs.min()))
    factor = 1 + more[:, None] / runs
    scaled = variance / factor
    total = scaled.sum(1)
    together = total**2 / (scaled**2 / (freedom * factor)).sum(1)
    needed = special.stdtrit(together, 1 - level / 2) + special.stdtrit(together, _POWER)
    enough = more[gap >= needed * total**0.5]
    return next((int(n) for n in enough if floor_p(*effect.sides, more=int(n)) <= level), None)


def _means(effect: Effect) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each label on each task: its runs, its part of the tested variance, and the degrees of freedom."""
    one, other = effect.sides
    rows = []
    for block in one:
        parts = one[block].parts & other[block].parts
        for side in (one[block], other[block]):
            for arm in side.members:
                found = arm.tested(parts)
                rows.append((arm.runs, (found.error / side.means / len(one)) ** 2, found.freedom))
    runs, variance, freedom = np.array(rows).T
    return runs, variance, freedom
