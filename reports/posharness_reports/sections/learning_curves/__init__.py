"""Learning curves: whether every run was trained for long enough to be compared."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class LearningCurves(ReportSection):
    """Training loss and validation accuracy by step."""

    name = "learning-curves"
    summary = "Learning curves"
    place = "learning"
    order = 10

    def build(self, frames: Frames) -> Section | None:
        """None when no step was logged."""
        from posharness_reports.sections.learning_curves.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
