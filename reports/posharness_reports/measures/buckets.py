"""Buckets of distances: one per distance if there are few, otherwise doubling in width."""

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
    """Buckets of the distances that occur.

    Attributes:
        edges: the lowest distance of each bucket, ascending.
        names: e.g. "12" or "8–15".
        positions: where each is drawn: the geometric mean of its ends, above 0.
        longest: the longest distance that occurs.
    """

    edges: Int[Array, " b"]
    names: tuple[str, ...]
    positions: Float[Array, " b"]
    longest: int

    @classmethod
    def of(cls, distances: Int[Array, " n"]) -> Buckets:
        """Buckets for these distances: one each for up to 12 distances, otherwise 1, 2–3, 4–7, 8–15…"""
        distinct = np.unique(distances)
        if len(distinct) <= _DISTINCT:
            low = high = distinct
        else:
            doubling = np.concatenate([[0], 2 ** np.arange(int(distinct[-1]).bit_length())])
            low = doubling[
                np.isin(np.arange(len(doubling)), np.searchsorted(doubling, distinct, "right") - 1)
            ]
            high = np.minimum(np.maximum(2 * low - 1, 0), distinct[-1])
        names = tuple(str(a) if a == b else f"{a}–{b}" for a, b in zip(low, high, strict=True))
        # A distance of 0 has no logarithm; it is drawn at ½.
        positions = np.sqrt(np.maximum(low, 0.5) * np.maximum(high, 0.5))
        return cls(low, names, positions, int(distinct[-1]))

    def index(self, distances: Int[Array, " n"]) -> Int[Array, " n"]:
        """The bucket of each distance."""
        return np.searchsorted(self.edges, distances, "right") - 1

    def __len__(self) -> int:
        return len(self.edges)
