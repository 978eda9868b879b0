"""How many more seeds are likely to decide a comparison."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from posharness_reports.measures.comparison import Effect, few, floor_p, least_p
from posharness_reports.measures.statistics import Estimate, heterogeneity

__all__ = ["MOST", "POWER", "at_most", "more_seeds", "seeds_against_each_other", "spread_after"]

MOST = 100
"""The seeds in all beyond which nobody is told how many are missing."""

POWER = 0.8
"""The probability with which the seeds that are asked for decide."""

_TRIED = np.unique(np.concatenate([np.arange(1, MOST), np.geomspace(MOST, 1e6, 200).astype(int)]))
"""The numbers of further seeds that are tried: each of the few, and some of many."""


def more_seeds(
    effect: Effect, margin: float, level: float, *, power: float = POWER, floor: bool = True
) -> float:
    """The seeds to add for each label of the report, so that a test decides with a probability of `power`.

    If the true effect and the variance between seeds are the estimated ones, a two-sided test at `level` then
    finds on which side of the margin the effect is. An effect of less than the margin has to be so in both
    directions. Where runs are few, so many are needed that exchanging them can give a p of `level` at all;
    see `floor_p`.

    Args:
        effect: of the seeds so far.
        margin: the smallest effect that matters; 0 for a test of no difference.
        level: the p that decides, as the test gives it: what is left after correction.
        floor: whether few runs are not believed.

    Returns:
        Infinite if no number is enough, or there is no error; rough if it is more than `MOST`.
    """
    if not effect.tested.error > 0:
        return math.inf
    error, freedom = _later(effect, _TRIED)
    size, needed = abs(effect.tested.mean), special.stdtrit(freedom, 1 - level / 2)
    chance = special.stdtr(freedom, abs(size - margin) / error - needed)
    if size < margin:
        chance -= special.stdtr(freedom, needed - (size + margin) / error)
    enough = _TRIED[chance >= power]
    if not floor:
        return float(enough[0]) if len(enough) else math.inf
    return next((float(n) for n in enough if floor_p(*effect.sides, more=int(n)) <= level), math.inf)


def at_most(seeds: float, effect: Effect) -> int | None:
    """A number of seeds to add, as it is told: None if it makes more than `MOST` in all."""
    return int(seeds) if seeds <= MOST - _fewest(effect) else None


def _fewest(effect: Effect) -> int:
    return min(arm.fewest for side in effect.sides for arm in side.values())


def spread_after(effect: Effect, more: float) -> float:
    """The p that all blocks have one effect, if it has so many more seeds and their effects stay as they are.

    Of more than `MOST` in all, that with so many.
    """
    added = np.array([max(min(more, MOST - _fewest(effect)), 0)])
    if len(effect.by_block) < 2 or not effect.tested.error > 0:
        return effect.spread
    return heterogeneity(
        [
            Estimate(found.mean, *(float(each[0]) for each in _later(effect, added, [block])))
            for block, found in effect.tested_by_block.items()
        ]
    )


def seeds_against_each_other(effect: Effect, margin: float, level: float) -> float:
    """As `more_seeds`, to be sure of effects in opposite directions, both larger than the margin."""
    means = {block: found.mean for block, found in effect.tested_by_block.items()}
    ends = max(means, key=lambda name: means[name]), min(means, key=lambda name: means[name])
    if not (means[ends[0]] > margin and means[ends[1]] < -margin and effect.tested.error > 0):
        return math.inf
    chance = np.ones(len(_TRIED))
    for block in ends:
        error, freedom = _later(effect, _TRIED, [block])
        needed = special.stdtrit(freedom, 1 - level / (2 * len(means)))
        chance *= special.stdtr(freedom, (abs(means[block]) - margin) / error - needed)
    enough = _TRIED[chance >= POWER]
    return next((float(n) for n in enough if floor_of_two(effect, int(n)) <= level), math.inf)


def floor_of_two(effect: Effect, more: int = 0) -> float:
    """The p below which opposite effects in two blocks are not believed; 0 where runs are not few."""
    one, other = effect.sides
    if not few(effect.sides, more=more):
        return 0.0
    # Two blocks say the opposite, so the one with fewer runs decides what can be believed.
    alone = sorted(least_p({block: one[block]}, {block: other[block]}, more=more) for block in one)
    return min(2 * len(alone) * alone[min(1, len(alone) - 1)], 1.0)


def _later(
    effect: Effect, more: np.ndarray, blocks: list[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The error and the degrees of freedom of the tested effect in these blocks, with so many more seeds."""
    one, other = effect.sides
    rows = []
    for block in blocks or one:
        parts = one[block].parts & other[block].parts
        for side in (one[block], other[block]):
            for arm in side.members:
                found = arm.tested(parts)
                rows.append((arm.runs, (found.error / side.means / len(blocks or one)) ** 2, found.freedom))
    runs, variance, freedom = np.array(rows).T
    factor = 1 + more[:, None] / runs
    scaled = variance / factor
    total = scaled.sum(1)
    return total**0.5, total**2 / (scaled**2 / (freedom * factor)).sum(1)
