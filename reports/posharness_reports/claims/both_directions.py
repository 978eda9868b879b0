"""The claim that attention in both directions carries information farther than causal attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames, Twins

if TYPE_CHECKING:
    import pandas as pd


class BothDirections(Claim):
    """Runs of the same encodings and tasks in an encoder, which sees both sides, and in a decoder."""

    name = "both-directions"
    summary = "Bidirectional attention captures dependencies better than causal attention"
    statement = "Bidirectional attention captures dependencies better than causal attention."
    refuted_by = "an effect surely below the smallest that matters"
    contrasts: ClassVar = (Twins("body", "encoder", "decoder"),)
    where = "at the training length"
    metric = "normalised accuracy at the training length, mean over buckets of dependency length"
    order = 50

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task with dependency lengths in two buckets or more."""
        from posharness_reports.claims._metrics import by_distance

        return by_distance(frames)
