"""Claims: what the runs show about each claim."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Claims(ReportSection):
    """A verdict on each contrast of each claim."""

    name = "claims"
    summary = "Verdicts on claims"
    place = "overview"
    order = 20

    def build(self, frames: Frames) -> Section | None:
        """None when no claim has runs of both its encodings."""
        from posharness_reports.sections.claims.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
