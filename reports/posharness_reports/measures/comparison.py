"""Comparing labels: the means of runs in blocks of one task, and the effect between two labels over blocks.

A *block* is a task as it is named in the store. Objectives, settings and distances are *parts* of its runs:
the parts of one seed are not independent, so the unit of a block is the seed (a cluster), and a block counts
once however many parts it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import special

from posharness_reports.measures.statistics import RESOLUTION, Estimate, heterogeneity, mean_of_estimates

__all__ = [
    "Arm",
    "Effect",
    "Pool",
    "Together",
    "arms",
    "beside",
    "effect",
    "few",
    "floor_p",
    "improvement",
    "least_p",
    "pooled",
    "with_pools",
]

Array = ndarray[Any, Any]


@dataclass(frozen=True)
class Pool:
    """The variance between the runs of many arms, each about its own mean.

    Attributes:
        variance: of one run; the mean over arms, weighted by their degrees of freedom.
        freedom: by Satterthwaite; low where few arms have most of the variance.
        arms: their number.
    """

    variance: float = 0.0
    freedom: float = 1.0
    arms: int = 0


@dataclass(frozen=True, eq=False)
class Arm:
    """The values of one label in one block.

    Attributes:
        values: part by seed; NaN where a run has no value.
        precision: the standard deviation that the value of a run has by the way it is measured; a smaller one
            between runs is not believed.
        pool: the runs that its own are tested with (see `with_pools`).
    """

    values: Float[Array, "p s"]
    precision: float = RESOLUTION
    pool: Pool = Pool()

    @cached_property
    def parts(self) -> Bool[Array, " p"]:
        """Which parts have a value."""
        return np.asarray(np.isfinite(self.values).any(1))

    def only(self, parts: Bool[Array, " p"]) -> Arm:
        """The arm with these parts alone."""
        return self if parts.all() else replace(self, values=self.values[parts])

    @cached_property
    def runs(self) -> int:
        """The number of seeds with a value."""
        return int(np.isfinite(self.values).any(0).sum())

    @property
    def members(self) -> tuple[Arm, ...]:
        """Itself, the only label."""
        return (self,)

    @property
    def means(self) -> int:
        """The number of labels."""
        return 1

    @property
    def fewest(self) -> int:
        """The number of runs."""
        return self.runs

    @property
    def beside(self) -> int:
        """The number of arms in its pool, itself included."""
        return self.pool.arms

    def by_seed(self, parts: Bool[Array, " p"]) -> Float[Array, " r"]:
        """The mean over these parts for each seed that has all of them."""
        chosen = self.values[parts]
        means: Array = chosen[:, np.isfinite(chosen).all(0)].mean(0)
        return means

    @cached_property
    def whole(self) -> Estimate:
        """The estimate over all parts."""
        return self._estimate(self.parts)

    def estimate(self, parts: Bool[Array, " p"]) -> Estimate:
        """The mean over parts of the mean over seeds, with the variance between seeds (by clusters)."""
        return self.whole if np.array_equal(parts, self.parts) else self._estimate(parts)

    def borrows(self, parts: Bool[Array, " p"]) -> int:
        """1 if `tested` takes the variance of the pool, and 0 if it takes its own."""
        return int(self.estimate(parts).error ** 2 < self.pool.variance / max(self.runs, 1))

    def tested(self, parts: Bool[Array, " p"]) -> Estimate:
        """The estimate, with the variance of its pool where its own is less: runs can agree by chance."""
        own = self.estimate(parts)
        if not self.borrows(parts):
            return own
        pooled = self.pool.variance / max(self.runs, 1)
        # Two arms of one pool have its degrees of freedom together.
        return Estimate(own.mean, pooled**0.5, max(self.pool.freedom / 2, 1.0))

    def _estimate(self, parts: Bool[Array, " p"]) -> Estimate:
        chosen = self.values[parts]
        known = np.isfinite(chosen)
        count = known.sum(1, keepdims=True)
        means = np.where(known, chosen, 0.0).sum(1, keepdims=True) / count
        shares = (np.where(known, chosen - means, 0.0) / count).sum(0) / len(chosen)
        n = int(known.any(0).sum())
        if n < 2:
            return Estimate(float(means.mean()), float("nan"), float("nan"))
        variance = max(float((shares**2).sum()) * n / (n - 1), self.precision**2 / n)
        return Estimate(float(means.mean()), variance**0.5, float(n - 1))


@dataclass(frozen=True, eq=False)
class Together:
    """Several labels in one block, as one side: each counts once. Their runs are independent."""

    members: tuple[Arm, ...]

    @property
    def parts(self) -> Bool[Array, " p"]:
        """Which parts have a value for all members."""
        return np.asarray(np.logical_and.reduce([arm.parts for arm in self.members]))

    @property
    def runs(self) -> int:
        """The number of runs of all members."""
        return sum(arm.runs for arm in self.members)

    @property
    def means(self) -> int:
        """The number of labels."""
        return len(self.members)

    @property
    def fewest(self) -> int:
        """The least number of runs of a member."""
        return min(arm.runs for arm in self.members)

    @property
    def beside(self) -> int:
        """The least number of arms in the pool of a member."""
        return min(arm.beside for arm in self.members)

    def by_seed(self, parts: Bool[Array, " p"]) -> Float[Array, " r"]:
        """The mean over these parts of each run that has all of them."""
        means: Array = np.concatenate([arm.by_seed(parts) for arm in self.members])
        return means

    def estimate(self, parts: Bool[Array, " p"]) -> Estimate:
        """The mean over members of the estimate of each; without an error if one of them has none."""
        return _together([arm.estimate(parts) for arm in self.members])

    def borrows(self, parts: Bool[Array, " p"]) -> int:
        """The number of members that are tested with the variance of their pool."""
        return sum(arm.borrows(parts) for arm in self.members)

    def tested(self, parts: Bool[Array, " p"]) -> Estimate:
        """As `estimate`, of what is tested of each member."""
        return _together([arm.tested(parts) for arm in self.members])


_FIELDS = ("mean", "error", "freedom")


def _together(found: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates."""
    mean, error, freedom = (np.array([getattr(e, name) for e in found]) for name in _FIELDS)
    if not np.isfinite(error).all():
        return Estimate(float(mean.mean()), float("nan"), float("nan"))
    k = len(found)
    overall, pooled, nu = mean_of_estimates(mean / k, (error / k) ** 2, freedom)
    return Estimate(float(overall), float(pooled), float(nu))


@dataclass(frozen=True)
class Effect:
    """The difference between two labels, over blocks.

    Attributes:
        overall: the mean over blocks of the difference of means; without an error if every block has a
            single run of a label.
        by_block: the difference in each block.
        tested, tested_by_block: the same with the variances that tests believe (see `with_pools`).
        runs: the number of runs of each of the two labels, over all blocks.
        spread: the p of Welch's test that all blocks have one effect; NaN if there are fewer than two.
        means: the number of means of a label on a task.
        pooled: how many of these are tested with the variance of the runs beside them.
        sides: the arms of each of the two labels in these blocks.
    """

    overall: Estimate
    by_block: Mapping[str, Estimate]
    tested: Estimate
    tested_by_block: Mapping[str, Estimate]
    runs: tuple[int, int]
    spread: float
    means: int
    pooled: int
    sides: tuple[Mapping[str, Arm | Together], Mapping[str, Arm | Together]]


def least_p(
    one: Mapping[str, Arm | Together], other: Mapping[str, Arm | Together], *, more: int = 0
) -> float:
    """The smallest two-sided p that exchanging runs between the labels could give, block by block.

    With two runs of each on one task it is 2/6. Student's t gives less where runs agree closely, and two can
    agree by chance.

    Args:
        more: the seeds that each label has beside its runs.
    """
    log_ways = 0.0
    for name in {*one} & {*other}:
        runs, rest = (side[name].runs + more * side[name].means for side in (one, other))
        log_ways += special.gammaln(runs + rest + 1) - special.gammaln(runs + 1) - special.gammaln(rest + 1)
    return float(min(1.0, 2 * np.exp(-log_ways)))


def few(sides: Iterable[Mapping[str, Arm | Together]], *, more: int = 0) -> bool:
    """Whether nothing shows if runs fall apart: less than three of a label, or no arm beside the two."""
    return any(arm.fewest + more < 3 or arm.beside < _ARMS for side in sides for arm in side.values())


_ARMS = 3


def floor_p(
    one: Mapping[str, Arm | Together], other: Mapping[str, Arm | Together], *, more: int = 0
) -> float:
    """The p below which a test of two sides is not believed: `least_p` of few runs, and else 0.

    Args:
        more: the seeds that each label has beside its runs.
    """
    return least_p(one, other, more=more) if few((one, other), more=more) else 0.0


def arms(values: pd.DataFrame, block: str) -> dict[str, dict[str, Arm]]:
    """The arms of each block and label.

    Args:
        values: columns `block`, part, label, seed, value and, where it is known, the precision of a value.
        block: the name of the column that names the block.
    """
    held: dict[str, dict[str, dict[tuple[str, int], list[float]]]] = {}
    precision = _precisions(values, block)
    columns = (values[name].tolist() for name in (block, "label", "part", "seed", "value"))
    for place, label, part, seed, value in zip(*columns, strict=True):
        if np.isfinite(value):
            own = held.setdefault(str(place), {}).setdefault(str(label), {})
            own.setdefault((str(part), int(seed)), []).append(float(value))
    return {
        place: {
            label: replace(arm, precision=max(precision.get((place, label), 0.0), arm.precision))
            for label, arm in _arms_of_block(held[place]).items()
        }
        for place in sorted(held)
    }


def _precisions(values: pd.DataFrame, block: str) -> dict[tuple[str, str], float]:
    """The precision of the values of each block and label: the root of their mean square."""
    if "precision" not in values:
        return {}
    known = values[values["value"].notna() & values["precision"].notna()]
    squares = known["precision"].astype(float).pow(2)
    means = squares.groupby([known[block], known["label"]], observed=True).mean().pow(0.5)
    places = (means.index.get_level_values(level) for level in (0, 1))
    return {(str(place), str(label)): float(mean) for place, label, mean in zip(*places, means, strict=True)}


def _arms_of_block(held: Mapping[str, Mapping[tuple[str, int], Sequence[float]]]) -> dict[str, Arm]:
    parts = {part: i for i, part in enumerate(sorted({part for own in held.values() for part, _ in own}))}
    found = {}
    for label in sorted(held):
        seeds = {seed: j for j, seed in enumerate(sorted({seed for _, seed in held[label]}))}
        values = np.full((len(parts), len(seeds)), np.nan)
        for (part, seed), own in held[label].items():
            values[parts[part], seeds[seed]] = np.mean(own)
        found[label] = Arm(values)
    return found


def pooled(held: Iterable[Arm], *, noisy: bool = False) -> Pool:
    """The pool of all arms with two runs or more.

    Args:
        noisy: weight each arm by its variance too. The result is then the variance of the arms that have most
            of it, however many others have none.
    """
    known = [arm for arm in held if arm.runs > 1]
    freedom = np.array([arm.runs - 1.0 for arm in known])
    variance = np.array([arm.whole.error**2 * arm.runs for arm in known])
    total, squares = float((freedom * variance).sum()), float((freedom * variance**2).sum())
    if not squares > 0:
        return Pool(arms=len(known))
    return Pool(squares / total if noisy else total / float(freedom.sum()), total**2 / squares, len(known))


def beside(values: pd.DataFrame, block: str, arm: Sequence[str]) -> tuple[list[Arm], int]:
    """The arms that those of one ranking or contrast are measured by, and how many of them are independent.

    Decodings and objectives of a run share its weights and most of its luck. Each is an arm, for each has a
    variance of its own, but together they are one: what counts is the label on a block, in any decoding, with
    two seeds or more.

    Args:
        values: columns `block`, part, label, seed, value and `arm`, of what may be compared: one scope of the
            scores, or one claim.
        arm: the columns that keep arms of one block and label apart.
    """
    known = values[np.isfinite(values["value"].to_numpy(float))]
    seeds = known.groupby([block, "label"], observed=True)["seed"].nunique()
    found = [
        each
        for _, alike in known.groupby(list(arm), observed=True)
        for own in arms(alike, block).values()
        for each in own.values()
    ]
    return found, int((seeds > 1).sum())


def with_pools(
    held: Mapping[str, Mapping[str, Arm]], every: Iterable[Arm] | None = None, independent: int | None = None
) -> dict[str, dict[str, Arm]]:
    """The arms, each with the larger of two pools: all labels in its block, and all arms of the report.

    Where runs fall into those that have learned and those that have not, three of them can agree by chance,
    and Welch's test would believe them. So the variance of an arm is tested to be at least that of those
    beside it. A block with fewer than four labels tells little of itself: there, the noisier arms of the
    report count more. Only tests take it: intervals are about the runs of the arm alone.

    Args:
        every: the arms of the report; those of `held` by default.
        independent: how many arms of the report have runs of their own, if some share them.
    """
    report = list(every if every is not None else (arm for own in held.values() for arm in own.values()))
    alike, noisy = pooled(report), pooled(report, noisy=True)
    found = {}
    for block, own in held.items():
        beside = pooled(own.values())
        pool = max(beside, alike if beside.arms >= _LABELS else noisy, key=lambda each: each.variance)
        pool = replace(pool, arms=alike.arms if independent is None else independent)
        found[block] = {label: replace(arm, pool=pool) for label, arm in own.items()}
    return found


_LABELS = 4


def effect(
    one: Mapping[str, Arm | Together], other: Mapping[str, Arm | Together], *, single: bool = False
) -> Effect | None:
    """The effect of one label against another; None without a block and part that both have.

    Blocks in which a label has a single run have no error. They are left out if other blocks have one.

    Args:
        one: the arm of the label in each block.
        other: the arm of the label that it is compared with.
        single: keep the blocks without an error; if there are any, the effect has none.
    """
    by_block: dict[str, tuple[Estimate, Estimate]] = {}
    tested: dict[str, tuple[Estimate, Estimate]] = {}
    runs = {}
    for name in sorted({*one} & {*other}):
        parts = one[name].parts & other[name].parts
        if parts.any():
            by_block[name] = (one[name].estimate(parts), other[name].estimate(parts))
            tested[name] = (one[name].tested(parts), other[name].tested(parts))
            runs[name] = (one[name].runs, other[name].runs)
    repeated = {name for name, pair in by_block.items() if all(np.isfinite(side.error) for side in pair)}
    used = [name for name in by_block if single or name in repeated or not repeated]
    if not used:
        return None
    means = [(side[name], one[name].parts & other[name].parts) for name in used for side in (one, other)]
    differences, believed = (
        {name: _difference(*pairs[name]) for name in used} for pairs in (by_block, tested)
    )
    total = (sum(runs[name][0] for name in used), sum(runs[name][1] for name in used))
    return Effect(
        _over([by_block[name] for name in used]),
        differences,
        _over([tested[name] for name in used]),
        believed,
        total,
        heterogeneity(list(believed.values())) if repeated.issuperset(used) else float("nan"),
        sum(arm.means for arm, _ in means),
        sum(arm.borrows(parts) for arm, parts in means),
        ({name: one[name] for name in used}, {name: other[name] for name in used}),
    )


def _over(pairs: Sequence[tuple[Estimate, Estimate]]) -> Estimate:
    """The mean over blocks of the difference of two estimates; without an error if one has none."""
    k = len(pairs)
    means, errors, freedoms = (
        np.array([[getattr(side, field) for side in pair] for pair in pairs]).ravel() for field in _FIELDS
    )
    signs = np.tile([1.0, -1.0], k)
    mean = float((signs * means).sum() / k)
    if not np.isfinite(errors).all():
        return Estimate(mean, float("nan"), float("nan"))
    _, error, freedom = mean_of_estimates(signs * means / k, (errors / k) ** 2, freedoms)
    return Estimate(mean, float(error), float(freedom))


def _difference(one: Estimate, other: Estimate) -> Estimate:
    _, error, freedom = mean_of_estimates(
        np.zeros(2),
        np.array([one.error**2, other.error**2]),
        np.array([one.freedom, other.freedom]),
    )
    known = np.isfinite([one.error, other.error]).all()
    return Estimate(
        one.mean - other.mean,
        float(error) if known else float("nan"),
        float(freedom) if known else float("nan"),
    )


def improvement(one: Mapping[str, Arm | Together], other: Mapping[str, Arm | Together]) -> float:
    """The probability that a run of one label is better than a run of the other, mean over blocks.

    Ties count half (Mann and Whitney 1947; arXiv:2108.13264, section 4.3). NaN without a common block.
    """
    shares = []
    for name in sorted({*one} & {*other}):
        parts = one[name].parts & other[name].parts
        if parts.any():
            a, b = one[name].by_seed(parts), other[name].by_seed(parts)
            if len(a) and len(b):
                shares.append(float(((a[:, None] > b) + 0.5 * (a[:, None] == b)).mean()))
    return float(np.mean(shares)) if shares else float("nan")
