"""Dependency length: how far the encodings carry information."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class DependencyLength(ReportSection):
    """Accuracy by the distance between a prediction and what it depends on."""

    name = "dependency-length"
    summary = "Accuracy by dependency length"
    place = "accuracy"
    order = 10

    def build(self, frames: Frames) -> Section | None:
        """None when no finished cell has predictions with a distance."""
        from posharness_reports.sections.dependency_length.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
