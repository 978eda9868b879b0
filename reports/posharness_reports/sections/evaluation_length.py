"""Accuracy by evaluation length: what remains of a task in sequences longer than those trained on."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class EvaluationLength(ReportSection):
    """How accuracy changes with the length of the sequence."""

    name = "evaluation-length"
    summary = "Accuracy by evaluation length"
    order = 30

    def build(self, frames: Frames) -> Section | None:
        """None when nothing was tested."""
        from posharness_reports import findings
        from posharness_reports.data.grouping import grouped
        from posharness_reports.data.prepare import title
        from posharness_reports.figures.accuracy import evaluation_figures
        from posharness_reports.formatting import escape_markdown
        from posharness_reports.measures.accuracy import GATE
        from posharness_reports.study import study
        from posharness_reports.tables import tidy as tidy_tables
        from posharness_reports.tables.accuracy import by_length

        ready = study(frames).trained
        points, runs = ready.by_length
        if points.empty or runs.empty:
            return None
        shown = {
            f"{title(task, objective, ready.cells)}: accuracy by evaluation length": by_length(
                ready, task, objective
            )
            for (task, objective), rows in grouped(points, ["task", "objective"])
            if rows["length"].nunique() > 1
        }
        prose = (
            "All distances together, by the length of the tested sequence. An encoding that has no value for "
            "a position past its training length is undefined there, which is not the same as wrong."
        )
        if weak := findings.not_learned(ready):
            prose += (
                f"\n\nNot learned: less than {GATE} of the way from chance to perfect at the training length "
                "itself, so that nothing follows for longer sequences:\n\n"
            ) + "\n".join(f"- {escape_markdown(line)}" for line in weak)
        return Section(
            "Accuracy by evaluation length",
            prose,
            {
                **shown,
                "Accuracy by evaluation length, all values": tidy_tables.tidy(points),
                "Accuracy by evaluation length, every run": tidy_tables.tidy(runs),
            },
            evaluation_figures(points, runs, ready.cells),
        )
