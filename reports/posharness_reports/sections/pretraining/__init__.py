"""Pretraining: the loss, accuracy and chance of each objective of a task that has several, such as BERT's."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Pretraining(ReportSection):
    """Masked language modelling and next-sentence prediction, or other objectives that a task combines."""

    name = "pretraining"
    summary = "Pretraining"
    place = "pretraining"
    order = 10

    def build(self, frames: Frames) -> Section | None:
        """None when no task with several objectives was trained."""
        from posharness_reports.sections.pretraining.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
