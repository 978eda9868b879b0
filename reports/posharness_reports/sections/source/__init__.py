"""Source: whether answers follow a change of what they are said to depend on."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class DependsOnItsSource(ReportSection):
    """Answers after the source was changed, and after everything else was."""

    name = "source"
    summary = "Whether answers follow a change of their source"
    place = "accuracy"
    order = 15

    def build(self, frames: Frames) -> Section | None:
        """None when no task has interventions."""
        from posharness_reports.sections.source.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
