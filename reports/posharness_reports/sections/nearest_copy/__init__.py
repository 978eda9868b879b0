"""Nearest copy: accuracy on hidden tokens by the distance of their nearest visible copy."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class NearestCopy(ReportSection):
    """Accuracy by the distance of the nearest copy, and the drop of log p when that copy is replaced."""

    name = "nearest-copy"
    summary = "Nearest copy"
    place = "readings"
    order = 10

    def build(self, frames: Frames) -> Section | None:
        """None when no model has this reading."""
        from posharness_reports.sections.nearest_copy.content import describe
        from posharness_reports.study import study

        return describe(study(frames))
