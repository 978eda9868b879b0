"""The claim that relative encodings adapt to longer sequences and fixed absolute ones do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames

if TYPE_CHECKING:
    import pandas as pd


class OtherLengths(Claim):
    """Measured at all tested lengths but that of training, on all runs."""

    name = "other-lengths"
    summary = "Relative encodings adapt to longer sequences"
    statement = "Relative encodings adapt to longer sequences, and fixed absolute ones do not."
    contrasts: ClassVar = (("relative", "absolute"),)
    metric = (
        "normalised accuracy in sequences shorter and longer than in training, mean over the tested lengths"
    )
    order = 30

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task that is tested at several lengths."""
        from posharness_reports.claims._metrics import in_other_lengths

        return in_other_lengths(frames)
