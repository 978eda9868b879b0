"""Subject–verb agreement: whether a model prefers the verb's right number, however far its subject is."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class SubjectVerb(ReportSection):
    """Accuracy by the distance of the subject and by the number of attractors, with counts."""

    name = "subject-verb-agreement"
    summary = "Subject–verb agreement"
    order = 54

    def build(self, frames: Frames) -> Section | None:
        """None when no model was read so."""
        from posharness_reports.sections import _readings as readings
        from posharness_reports.sections.subject_verb_agreement.content import AGREEMENT, describe
        from posharness_reports.study import study

        ready = study(frames)
        about = (
            "A finite verb of the treebank is hidden, and its singular and plural form are compared: the "
            "answer is right when the model finds the form that is there the more probable one. The distance "
            "is that of the subject, in words; an attractor is a noun of the other number in between. Chance "
            "is the share of the commoner number among all verbs asked. Long distances and attractors are "
            "rare in running text: the counts say how much each accuracy rests on."
        )
        pieces = {task: describe(ready, task) for task in readings.tasks(ready, AGREEMENT)}
        return readings.joined("Subject–verb agreement", about, pieces)
