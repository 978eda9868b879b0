"""The effective dependency length: up to which distance accuracy stays near perfect."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from posharness_reports.measures.statistics import Array

__all__ = ["THRESHOLD", "effective_length"]

THRESHOLD = 0.9
"""The part of the way from chance to perfect that every bucket must reach."""


def effective_length(
    scores: Float[Array, "*n b"],
    positions: Float[Array, " b"],
    longest: float,
    threshold: float = THRESHOLD,
) -> tuple[Float[Array, "*n"], Bool[Array, "*n"]]:
    """The effective dependency length: the distance up to which every bucket scores at least `threshold`.

    The crossing between the last bucket that passes and the first that fails is interpolated on the logarithm
    of the distance.

    Args:
        scores: normalised scores by bucket, nearest first.
        positions: the distance of each bucket, ascending and above 0.
        longest: the longest distance tested.

    Returns:
        Lengths, and whether each is censored: every bucket passed, so the true length is at least `longest`.
        A length is 0 if the nearest bucket fails, and NaN if a bucket before the crossing has no score.
    """
    scores = np.asarray(scores, dtype=float)
    place = np.log(np.asarray(positions, dtype=float))
    passed = scores >= threshold
    crossing = np.where(passed.all(axis=-1), scores.shape[-1], np.argmin(passed, axis=-1))
    censored = crossing == scores.shape[-1]
    above = np.clip(crossing - 1, 0, None)
    below = np.clip(crossing, None, scores.shape[-1] - 1)
    high = np.take_along_axis(scores, above[..., None], axis=-1)[..., 0]
    low = np.take_along_axis(scores, below[..., None], axis=-1)[..., 0]
    drop = np.where(high > low, high - low, 1.0)
    length = np.exp(place[above] + (high - threshold) / drop * (place[below] - place[above]))
    length = np.where(censored, longest, np.where(crossing == 0, 0.0, length))
    return np.where(np.isnan(low) & ~censored, np.nan, length), censored
