"""Looks at results while seeds are added: when they are, and which part of the error rate each may spend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posharness.errors import UserError

__all__ = ["FEWEST", "MOST", "Looks", "planned_looks"]

FEWEST = 3
"""The smallest number of seeds at the first look: with two, hardly anything can be decided."""

MOST = 12
"""The number of seeds at the last look unless another is given."""

ALPHA = 0.05
"""The rate of false statements, over all looks together, when nothing differs."""

_HOPELESS = 3
"""A question that is likely to need more than so many times the most seeds gets none."""

_GROWTH = 1.5
_LAST = 1.25
"""The last look has at least so many times the seeds of the one before, where it is not the second."""

_SPENDING = 1.5
"""The power of the share of seeds in the rate that is spent (Kim and DeMets 1987): early looks get little."""

_OF_ONE = ALPHA / 10
"""The level that boundaries are computed for: a report makes many comparisons, and each has a small part."""

_POINTS = 100
"""Points of the grid in one standard deviation of the first look."""


@dataclass(frozen=True)
class Looks:
    """Looks that are planned before the first run, and which of them is the present one.

    Attributes:
        seeds: the number of seeds at each look, ascending.
        look: the present one, from 1.
    """

    seeds: tuple[int, ...]
    look: int = 1

    @cached_property
    def levels(self) -> tuple[float, ...]:
        """The rate of false statements that the report of each look works at.

        They are group-sequential boundaries for the tests of one comparison with growing samples, as nominal
        levels (Jennison and Turnbull 2000, section 3.8), which t tests take over from tests with known
        variance. Over all looks the rate is `ALPHA`.
        """
        share = np.asarray(self.seeds, float) / self.seeds[-1]
        spent = _OF_ONE * np.diff(share**_SPENDING, prepend=0.0)
        return tuple(ALPHA * level / _OF_ONE for level in _nominal(np.asarray(self.seeds, float), spent))

    def hopeless(self, missing: int | None) -> bool:
        """Whether a question that is likely to be decided by so many more seeds is given up.

        Giving up makes no false statement. The first look is too early for it.

        Args:
            missing: None for a number too large to give.
        """
        now, most = self.seeds[self.look - 1], self.seeds[-1]
        return self.look > 1 and (missing is None or now + missing > _HOPELESS * most)

    @property
    def level(self) -> float:
        """The rate at the present look."""
        return self.levels[self.look - 1]


def planned_looks(first: int, most: int) -> Looks:
    """Looks at `first` seeds, or `FEWEST` if that is more, and at half as many again each time, up to `most`.

    Raises:
        UserError: `most` is below the first look.
    """
    first = max(first, FEWEST)
    if most < first:
        raise UserError(
            f"--max-seeds {most}: the first look is at {first} seeds; give {first} or more, or fewer --seeds."
        )
    seeds = [first]
    while seeds[-1] < most:
        following = round(_GROWTH * seeds[-1] + 0.01)
        seeds.append(following if most >= _LAST * following else most)
    return Looks(tuple(seeds))


def _nominal(information: NDArray[np.float64], spent: NDArray[np.float64]) -> Sequence[float]:
    """Two-sided nominal levels that spend these rates, for a sum of independent normal increments.

    The density of the sums that have crossed no boundary is carried from look to look on a grid (Armitage,
    McPherson and Rowe 1969).

    Args:
        information: the variance of the sum at each look.
        spent: the probability of a first crossing at each look if the mean is 0.
    """
    step = information[0] ** 0.5 / _POINTS
    half = int(8 * information[-1] ** 0.5 / step)
    grid = step * np.arange(-half, half + 1)
    density = _normal(grid, information[0])
    levels = []
    for look, (variance, rate) in enumerate(zip(information, spent, strict=True)):
        if look:
            kernel = _normal(grid, variance - information[look - 1])
            density = np.convolve(density, kernel, mode="same") * step
        lower = density[: half + 1]
        tail = 2 * (np.cumsum(lower) - lower / 2) * step  # up to each point of the lower half
        boundary = float(np.interp(rate, tail, grid[: half + 1]))
        levels.append(2 * NormalDist(sigma=float(variance) ** 0.5).cdf(boundary))
        density = np.where(np.abs(grid) < -boundary, density, 0.0)
    return levels


def _normal(x: NDArray[np.float64], variance: Any) -> NDArray[np.float64]:
    density: NDArray[np.float64] = np.exp(-(x**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    return density
