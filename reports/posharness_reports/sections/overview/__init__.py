"""Overview: what was run, what it shows, and what limits a comparison."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Overview(ReportSection):
    """Findings, caveats, and tables of what was run where."""

    name = "overview"
    summary = "Overview"
    place = "overview"
    order = 10

    def build(self, frames: Frames) -> Section:
        """Always a section."""
        from posharness_reports.sections.overview.content import describe
        from posharness_reports.study import study

        return describe(study(frames))
