"""Mechanism: what trained encodings add to attention scores, and how far each head attends."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Mechanism(ReportSection):
    """What encodings add to scores by distance, and the mean attended distance of each head."""

    name = "mechanism"
    summary = "What positions do to attention"
    place = "mechanism"
    order = 10

    def build(self, frames: Frames) -> Section | None:
        """None when no finished cell has measurements of its attention."""
        from posharness_reports.sections.mechanism.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
