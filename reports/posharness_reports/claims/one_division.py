"""The claim that scores are better divided by √d once than twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames, Twins

if TYPE_CHECKING:
    import pandas as pd


class OneDivision(Claim):
    """The same encodings with softmax attention, and with scores that are divided by √d again."""

    name = "one-division"
    summary = "Scores divided by √d once are better than those divided twice"
    statement = "Attention whose scores are divided by √d once is better than if they are divided twice."
    refuted_by = "an effect surely below the smallest that matters"
    contrasts: ClassVar = (Twins("attention", "softmax", "twice_scaled"),)
    where = "at the training length"
    metric = "normalised accuracy at the training length, mean over buckets of dependency length"
    order = 60

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task with dependency lengths in two buckets or more."""
        from posharness_reports.claims._metrics import by_distance

        return by_distance(frames)
