"""Learning curves: whether everything that is compared has learned for as long as it needed."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Learning(ReportSection):
    """Training loss and validation accuracy by step."""

    name = "learning-curves"
    summary = "Learning curves"
    order = 40

    def build(self, frames: Frames) -> Section | None:
        """None when nothing has been logged."""
        from posharness_reports.figures.accuracy import learning_figures
        from posharness_reports.study import study
        from posharness_reports.tables.learning import ends

        ready = study(frames).trained
        if ready.curves.empty:
            return None
        prose = (
            "One line a run, those that diverged or were interrupted included. A curve that is still rising "
            "says that the budget, not the encoding, may have set the result."
        )
        return Section(
            "Learning curves",
            prose,
            {"Where each run ended": ends(ready.curves)},
            learning_figures(ready.curves, ready.cells),
        )
