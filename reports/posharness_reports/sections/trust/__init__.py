"""Trust: how many runs ended how, what was checked, with what versions, and where methods and data are."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Trust(ReportSection):
    """What speaks for the results, and what does not."""

    name = "trust"
    summary = "What these results rest on"
    place = "trust"
    order = 5

    def build(self, frames: Frames) -> Section | None:
        """None without a planned run."""
        from posharness_reports.sections.trust.content import describe
        from posharness_reports.study import study

        return describe(study(frames))
