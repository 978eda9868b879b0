"""The claim that relative encodings adapt to longer sequences and fixed absolute ones do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames

if TYPE_CHECKING:
    import pandas as pd


class OtherLengths(Claim):
    """Measured beyond the training length, for encodings that have learned the task at that length."""

    name = "other-lengths"
    summary = "Relative encodings adapt to longer sequences"
    statement = "Relative encodings adapt to longer sequences, and fixed absolute ones do not."
    contrasts: ClassVar = (("relative", "absolute"),)
    metric = "normalised accuracy beyond the training length, mean over the tested lengths"
    order = 30

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task that is tested on longer sequences."""
        from posharness_reports.claims._metrics import in_longer_sequences

        return in_longer_sequences(frames)
