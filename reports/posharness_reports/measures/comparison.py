"""Comparing labels: the means of runs in blocks of one task, and the effect between two labels over blocks.

A *block* is a task as it is named in the store. Objectives, settings and distances are *parts* of its runs:
the parts of one seed are not independent, so the unit of a block is the seed (a cluster), and a block counts
once however many parts it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import special

from posharness_reports.measures.statistics import RESOLUTION, Estimate, heterogeneity, mean_of_estimates

__all__ = ["SPLIT", "Arm", "Effect", "Together", "arms", "effect", "few", "improvement", "least_p", "splits"]

Array = ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Arm:
    """The values of one label in one block.

    Attributes:
        values: part by seed; NaN where a run has no value.
        precision: the standard deviation that the value of a run has by the way it is measured; a smaller one
            between runs is not believed.
    """

    values: Float[Array, "p s"]
    precision: float = RESOLUTION

    @cached_property
    def parts(self) -> Bool[Array, " p"]:
        """Which parts have a value."""
        return np.asarray(np.isfinite(self.values).any(1))

    @cached_property
    def runs(self) -> int:
        """The number of seeds with a value."""
        return int(np.isfinite(self.values).any(0).sum())

    @property
    def fewest(self) -> int:
        """The number of runs."""
        return self.runs

    @cached_property
    def spread(self) -> float:
        """The largest difference between two runs in one part; 0 for a single run."""
        chosen = self.values[self.parts]
        if not chosen.size:
            return 0.0
        return float((np.nanmax(chosen, 1) - np.nanmin(chosen, 1)).max())

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
    def fewest(self) -> int:
        """The least number of runs of a member."""
        return min(arm.runs for arm in self.members)

    @property
    def spread(self) -> float:
        """The largest difference between two runs of one member."""
        return max(arm.spread for arm in self.members)

    def by_seed(self, parts: Bool[Array, " p"]) -> Float[Array, " r"]:
        """The mean over these parts of each run that has all of them."""
        means: Array = np.concatenate([arm.by_seed(parts) for arm in self.members])
        return means

    def estimate(self, parts: Bool[Array, " p"]) -> Estimate:
        """The mean over members of the estimate of each; without an error if one of them has none."""
        found = [arm.estimate(parts) for arm in self.members]
        mean, error, freedom = (np.array([getattr(e, name) for e in found]) for name in _FIELDS)
        if not np.isfinite(error).all():
            return Estimate(float(mean.mean()), float("nan"), float("nan"))
        k = len(found)
        overall, pooled, nu = mean_of_estimates(mean / k, (error / k) ** 2, freedom)
        return Estimate(float(overall), float(pooled), float(nu))


_FIELDS = ("mean", "error", "freedom")


@dataclass(frozen=True)
class Effect:
    """The difference between two labels, over blocks.

    Attributes:
        overall: the mean over blocks of the difference of means; without an error if every block has a
            single run of a label.
        by_block: the difference in each block.
        runs: the number of runs of each of the two labels, over all blocks.
        spread: the p of Welch's test that all blocks have one effect; NaN if there are fewer than two.
    """

    overall: Estimate
    by_block: Mapping[str, Estimate]
    runs: tuple[int, int]
    spread: float


def least_p(one: Mapping[str, Arm | Together], other: Mapping[str, Arm | Together]) -> float:
    """The smallest two-sided p that exchanging runs between the labels could give, block by block.

    With three runs of each on one task it is 2/20. Student's t gives less where runs agree closely, and that
    is not to be believed where runs fall into those that have learned and those that have not: three can
    agree by chance.
    """
    log_ways = 0.0
    for name in {*one} & {*other}:
        runs, rest = one[name].runs, other[name].runs
        log_ways += special.gammaln(runs + rest + 1) - special.gammaln(runs + 1) - special.gammaln(rest + 1)
    return float(min(1.0, 2 * np.exp(-log_ways)))


def splits(sides: Iterable[Mapping[str, Arm | Together]], smallest: float) -> bool:
    """Whether the runs of any label on any task fall apart: by more than `SPLIT` effects that matter."""
    return any(arm.spread > SPLIT * smallest for side in sides for arm in side.values())


SPLIT = 6
"""Six times .05 is the gap between a run that has learned a task and one that has clearly not."""


def few(sides: Iterable[Mapping[str, Arm | Together]]) -> bool:
    """Whether a label has fewer than three runs on a task: nobody can see then whether runs fall apart."""
    return any(arm.fewest < 3 for side in sides for arm in side.values())


def arms(values: pd.DataFrame, block: str) -> dict[str, dict[str, Arm]]:
    """The arms of each block and label.

    Args:
        values: columns `block`, part, label, seed and value.
        block: the name of the column that names the block.
    """
    held: dict[str, dict[str, dict[tuple[str, int], list[float]]]] = {}
    columns = (values[name].tolist() for name in (block, "label", "part", "seed", "value"))
    for place, label, part, seed, value in zip(*columns, strict=True):
        if np.isfinite(value):
            own = held.setdefault(str(place), {}).setdefault(str(label), {})
            own.setdefault((str(part), int(seed)), []).append(float(value))
    return {place: _arms_of_block(held[place]) for place in sorted(held)}


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


def effect(one: Mapping[str, Arm | Together], other: Mapping[str, Arm | Together]) -> Effect | None:
    """The effect of one label against another; None without a block and part that both have.

    Blocks in which a label has a single run have no error. They are left out if other blocks have one.

    Args:
        one: the arm of the label in each block.
        other: the arm of the label that it is compared with.
    """
    by_block: dict[str, tuple[Estimate, Estimate]] = {}
    runs = {}
    for name in sorted({*one} & {*other}):
        parts = one[name].parts & other[name].parts
        if parts.any():
            by_block[name] = (one[name].estimate(parts), other[name].estimate(parts))
            runs[name] = (one[name].runs, other[name].runs)
    repeated = {
        name: pair for name, pair in by_block.items() if all(np.isfinite(side.error) for side in pair)
    }
    used = repeated or by_block
    if not used:
        return None
    differences = {name: _difference(*pair) for name, pair in used.items()}
    k = len(used)
    means, errors, freedoms = (
        np.array([[getattr(side, field) for side in pair] for pair in used.values()]).ravel()
        for field in ("mean", "error", "freedom")
    )
    signs = np.tile([1.0, -1.0], k)
    mean = float((signs * means).sum() / k)
    overall = Estimate(mean, float("nan"), float("nan"))
    if repeated:
        _, error, freedom = mean_of_estimates(signs * means / k, (errors / k) ** 2, freedoms)
        overall = Estimate(mean, float(error), float(freedom))
    total = (sum(runs[name][0] for name in used), sum(runs[name][1] for name in used))
    spread = heterogeneity(list(differences.values())) if repeated else float("nan")
    return Effect(overall, differences, total, spread)


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
