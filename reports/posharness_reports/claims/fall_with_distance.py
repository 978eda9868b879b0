"""The claim that accuracy falls less with distance under relative encodings than under absolute ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames, Group

if TYPE_CHECKING:
    import pandas as pd


class FallWithDistance(Claim):
    """The slope of the effect over log distance: whether the advantage grows with distance."""

    name = "fall-with-distance"
    summary = "Accuracy falls less with distance under relative encodings"
    statement = "With relative encodings, accuracy falls less with distance than with absolute ones."
    refuted_by = "a slope as steep as that of absolute encodings, or steeper"
    contrasts: ClassVar = ((Group("relative"), "absolute"), (Group("relative"), "learned"))
    where = "for each doubling of distance, at the training length"
    metric = "change of normalised accuracy at the training length with each doubling of dependency length"
    smallest_effect = 0.01
    scaled = False
    order = 25

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task with dependency lengths in two buckets or more."""
        from posharness_reports.claims._metrics import slope_by_distance

        return slope_by_distance(frames)
