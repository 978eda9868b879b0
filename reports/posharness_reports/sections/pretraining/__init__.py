"""Tasks with several objectives, as in BERT pretraining: each objective's loss, accuracy and chance."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Pretraining(ReportSection):
    """Masked language modelling beside next-sentence prediction, or whatever a task's objectives are."""

    name = "pretraining"
    summary = "Pretraining"
    order = 50

    def build(self, frames: Frames) -> Section | None:
        """None when no task with several objectives has been trained."""
        from posharness_reports.sections.pretraining import content as pretraining
        from posharness_reports.study import study

        ready = study(frames).trained
        tasks = pretraining.tasks(ready)
        if not tasks:
            return None
        pieces = [pretraining.describe(ready, task) for task in tasks]
        bert = all("mlm" in pretraining.objectives(ready, task) for task in tasks)
        return Section(
            "BERT pretraining" if bert else "Tasks with several objectives",
            "\n\n".join(piece.prose for piece in pieces),
            {caption: frame for piece in pieces for caption, frame in piece.tables.items()},
            {caption: figure for piece in pieces for caption, figure in piece.figures.items()},
        )
