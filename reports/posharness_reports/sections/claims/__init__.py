"""Claims: what the runs say of each statement that the report was asked to judge."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Claims(ReportSection):
    """A verdict on each contrast of each claim."""

    name = "claims"
    summary = "Verdicts on claims"
    order = 15

    def build(self, frames: Frames) -> Section | None:
        """None when of no claim both sides were run."""
        from posharness_reports.sections.claims import content as judged
        from posharness_reports.sections.claims.figure import claim_figure
        from posharness_reports.sections.claims.verdicts import contrasts
        from posharness_reports.study import study

        ready = study(frames).trained
        found = contrasts(ready)
        if not any(len(contrast.runs) for contrast in found):
            return None
        return Section(
            "Verdicts on claims",
            judged.prose(ready.claims, found),
            judged.tables(found),
            claim_figure(found),
        )
