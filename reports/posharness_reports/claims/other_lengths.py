"""The claim that relative encodings adapt to other sequence lengths better than absolute ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames, Group

if TYPE_CHECKING:
    import pandas as pd


class OtherLengths(Claim):
    """Measured at all tested lengths but that of training, on all runs."""

    name = "other-lengths"
    summary = "Relative encodings adapt to other lengths better"
    statement = "Relative encodings adapt to other sequence lengths better than absolute ones."
    refuted_by = (
        "an effect surely below the smallest that matters in sequences shorter and longer than in training"
    )
    contrasts: ClassVar = ((Group("relative"), Group("absolute")),)
    where = "at other lengths"
    metric = (
        "normalised accuracy in sequences shorter and longer than in training, mean over the tested lengths"
    )
    order = 30

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task that is tested at several lengths."""
        from posharness_reports.claims._metrics import in_other_lengths

        return in_other_lengths(frames)
