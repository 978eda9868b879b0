"""Truncation: how much context a pretrained model uses."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Truncation(ReportSection):
    """Accuracy on hidden tokens when every token beyond a radius is hidden too."""

    name = "truncation"
    summary = "Truncated context"
    place = "readings"
    order = 20

    def build(self, frames: Frames) -> Section | None:
        """None when no model has this reading."""
        from posharness_reports.sections.truncation.content import describe
        from posharness_reports.study import study

        return describe(study(frames))
