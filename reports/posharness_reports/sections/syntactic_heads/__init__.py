"""Syntactic heads: how many a probe finds in frozen states, by arc length."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class SyntacticHeads(ReportSection):
    """Recall by gold length and precision by predicted length, with the margin over an untrained encoder."""

    name = "syntactic-heads"
    summary = "Syntactic heads"
    place = "readings"
    order = 30

    def build(self, frames: Frames) -> Section | None:
        """None when no model has this reading."""
        from posharness_reports.sections.syntactic_heads.content import describe
        from posharness_reports.study import study

        return describe(study(frames))
