"""Fairness: what each encoding was given, and which settings were tuned."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Fairness(ReportSection):
    """Parameters, steps, time and tuning of each encoding, and accuracy at equal steps and equal time."""

    name = "fairness"
    summary = "What each encoding was given: parameters, steps, time and tuning"
    place = "cost"
    order = 5

    def build(self, frames: Frames) -> Section | None:
        """None when nothing was trained."""
        from posharness_reports.sections.fairness.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
