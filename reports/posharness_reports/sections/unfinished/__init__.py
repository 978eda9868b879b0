"""Unfinished: runs without a result, with status and reason; what is missing can bias a comparison."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Unfinished(ReportSection):
    """Every cell that is not done."""

    name = "unfinished"
    summary = "Runs that did not finish"
    place = "trust"
    order = 10

    def build(self, frames: Frames) -> Section | None:
        """None when every cell is done."""
        from posharness_reports.sections.unfinished.content import describe
        from posharness_reports.study import study

        return describe(study(frames))
