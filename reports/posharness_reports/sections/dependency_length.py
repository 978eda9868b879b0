"""Accuracy by dependency length: the question that everything here is for."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class DependencyLength(ReportSection):
    """How accuracy falls with the distance to what a prediction needs."""

    name = "dependency-length"
    summary = "Accuracy by dependency length"
    order = 20

    def build(self, frames: Frames) -> Section | None:
        """None when no finished cell has predictions with a distance."""
        from posharness_reports.data.grouping import grouped
        from posharness_reports.data.prepare import title
        from posharness_reports.figures.accuracy import dependency_figures
        from posharness_reports.measures.statistics import DRAWS
        from posharness_reports.study import study
        from posharness_reports.tables import accuracy as accuracy_tables
        from posharness_reports.tables import tidy as tidy_tables

        ready = study(frames).trained
        measured = ready.by_distance
        if measured.points.empty:
            return None
        shown = {}
        for (task, objective, scope), _ in grouped(measured.points, ["task", "objective", "scope"]):
            name = title(task, objective, ready.cells)
            shown[f"{name}: accuracy by dependency length, {scope}"] = accuracy_tables.by_distance(
                ready, task, objective, scope
            )
        prose = (
            "The dependency length of a prediction is the distance, in tokens, from the position that emits "
            "it to the farthest position that is necessary to get it right. Sequences of the training length "
            "and longer ones are kept apart, so that a fall with distance is not mistaken for a fall with "
            "length. Where more than twelve distances occur, buckets double in width.\n\n"
            "The unit is a run: accuracies are means over seeds, and each interval redraws seeds and then "
            f"the sequences of each seed ({DRAWS} draws). Inside one run, and where all draws agree, "
            "intervals are Wilson's."
        )
        if "span" in set(measured.points["distance"]):
            prose += (
                "\n\nWhere a prediction has no unique farthest source, only an interval of influence, the "
                "distance is that *span*; it is plotted apart."
            )
        return Section(
            "Accuracy by dependency length",
            prose,
            {
                **shown,
                "Accuracy by dependency length, all values": tidy_tables.tidy(measured.points),
                "Accuracy by dependency length, every run": tidy_tables.tidy(measured.runs),
                "Effective dependency length": tidy_tables.tidy(measured.reach),
            },
            dependency_figures(measured, ready.cells),
        )
