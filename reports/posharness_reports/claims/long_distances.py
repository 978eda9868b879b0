"""The claim that relative encodings carry information over long distances better than absolute ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames, Group

if TYPE_CHECKING:
    import pandas as pd


class LongDistances(Claim):
    """Measured at the training length, over the farther half of the buckets of distance."""

    name = "long-distances"
    summary = "Relative encodings capture long dependencies better"
    statement = "Relative encodings capture long dependencies better than absolute ones."
    refuted_by = "an effect over the farther distances that is surely below the smallest that matters"
    contrasts: ClassVar = ((Group("relative"), "absolute"), (Group("relative"), "learned"))
    where = "at the training length"
    metric = (
        "normalised accuracy at the training length, mean over the farther half of the buckets of dependency "
        "length"
    )
    order = 20

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task with dependency lengths in two buckets or more."""
        from posharness_reports.claims._metrics import by_distance

        return by_distance(frames, farther=True)
