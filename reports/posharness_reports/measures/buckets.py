"""Distances in buckets: each of its own when there are few of them, else doubling in width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

__all__ = ["Buckets"]

Array = ndarray[Any, Any]

_DISTINCT = 12


@dataclass(frozen=True)
class Buckets:
    """A partition of the distances that occur.

    Attributes:
        edges: the lowest distance of each bucket, ascending.
        names: e.g. "12" or "8–15".
        positions: where each is drawn, above 0: the geometric mean of its ends.
        longest: the longest distance that occurs.
    """

    edges: Int[Array, " b"]
    names: tuple[str, ...]
    positions: Float[Array, " b"]
    longest: int

    @classmethod
    def of(cls, distances: Int[Array, " n"]) -> Buckets:
        """Buckets for these distances: one for each when at most 12 differ, else 1, 2–3, 4–7, 8–15…"""
        found = np.unique(distances)
        if len(found) <= _DISTINCT:
            low = high = found
        else:
            doubling = np.concatenate([[0], 2 ** np.arange(int(found[-1]).bit_length())])
            low = doubling[np.isin(np.arange(len(doubling)), np.searchsorted(doubling, found, "right") - 1)]
            high = np.minimum(np.maximum(2 * low - 1, 0), found[-1])
        names = tuple(str(a) if a == b else f"{a}–{b}" for a, b in zip(low, high, strict=True))
        # A distance of 0 has no logarithm; ½ stands for it.
        positions = np.sqrt(np.maximum(low, 0.5) * np.maximum(high, 0.5))
        return cls(low, names, positions, int(found[-1]))

    def index(self, distances: Int[Array, " n"]) -> Int[Array, " n"]:
        """The bucket of each distance."""
        return np.searchsorted(self.edges, distances, "right") - 1

    def __len__(self) -> int:
        return len(self.edges)
