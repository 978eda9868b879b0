"""Subject–verb agreement: how often a model prefers the verb form that agrees with a distant subject."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class SubjectVerbAgreement(ReportSection):
    """Accuracy by the distance of the subject and by the number of attractors, with counts."""

    name = "subject-verb-agreement"
    summary = "Subject–verb agreement"
    place = "readings"
    order = 40

    def build(self, frames: Frames) -> Section | None:
        """None when no model has this reading."""
        from posharness_reports.sections.subject_verb_agreement.content import describe
        from posharness_reports.study import study

        return describe(study(frames))
