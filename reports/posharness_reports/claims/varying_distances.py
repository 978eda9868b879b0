"""The claim that relative encodings carry information over varying distances better than absolute ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames, Group

if TYPE_CHECKING:
    import pandas as pd


class VaryingDistances(Claim):
    """Measured at the training length, over all distances; each bucket counts once, whatever its size."""

    name = "varying-distances"
    summary = "Relative encodings capture dependencies of varying length better"
    statement = "Relative encodings capture dependencies of varying length better than absolute ones."
    refuted_by = "an effect surely below the smallest that matters, over tasks or on most of them"
    contrasts: ClassVar = ((Group("relative"), "absolute"), (Group("relative"), "learned"))
    where = "at the training length"
    metric = "normalised accuracy at the training length, mean over buckets of dependency length"
    order = 10

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task with dependency lengths in two buckets or more."""
        from posharness_reports.claims._metrics import by_distance

        return by_distance(frames)
