"""Evaluation length: accuracy in sequences longer than those trained on."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class EvaluationLength(ReportSection):
    """Accuracy by the length of the tested sequences."""

    name = "evaluation-length"
    summary = "Accuracy by evaluation length"
    place = "accuracy"
    order = 20

    def build(self, frames: Frames) -> Section | None:
        """None when nothing was tested."""
        from posharness_reports.sections.evaluation_length.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
