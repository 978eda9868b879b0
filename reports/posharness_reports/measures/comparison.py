"""Comparing labels: the means of runs in blocks of one task, and the effect between two labels over blocks.

A *block* is a task as it is named in the store. Objectives, settings and distances are *parts* of its runs:
the parts of one seed are not independent, so the unit of a block is the seed (a cluster), and a block counts
once however many parts it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy import ndarray

from posharness_reports.measures.statistics import RESOLUTION, Estimate, heterogeneity, mean_of_estimates

__all__ = ["Arm", "Effect", "arms", "effect", "improvement"]

Array = ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Arm:
    """The values of one label in one block.

    Attributes:
        values: part by seed; NaN where a run has no value.
    """

    values: Float[Array, "p s"]

    @cached_property
    def parts(self) -> Bool[Array, " p"]:
        """Which parts have a value."""
        return np.asarray(np.isfinite(self.values).any(1))

    @cached_property
    def runs(self) -> int:
        """The number of seeds with a value."""
        return int(np.isfinite(self.values).any(0).sum())

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
        variance = max(float((shares**2).sum()) * n / (n - 1), RESOLUTION**2 / n)
        return Estimate(float(means.mean()), variance**0.5, float(n - 1))


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


def effect(one: Mapping[str, Arm], other: Mapping[str, Arm]) -> Effect | None:
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


def improvement(one: Mapping[str, Arm], other: Mapping[str, Arm]) -> float:
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
