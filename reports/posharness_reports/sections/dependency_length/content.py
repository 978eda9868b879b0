"""Prose, tables and figures of accuracy by dependency length."""

from __future__ import annotations

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import title
from posharness_reports.figures.accuracy import dependency_figures
from posharness_reports.study import Study
from posharness_reports.tables.accuracy import by_distance
from posharness_reports.tables.tidy import tidy

__all__ = ["describe"]

_ABOUT = (
    "The dependency length of a prediction is a distance in tokens: from the position that makes the "
    "prediction to the farthest position that it depends on. Sequences of the training length and longer "
    "sequences are shown separately, because a loss of accuracy with distance is not a loss with length. "
    "When a task has more than twelve distances, they share buckets that double in width.\n\nEvery run "
    "counts once: an accuracy is the mean over seeds. Its 95 % interval is Student's t on the means of the "
    "runs, on a scale that keeps it inside 0 and 1; with one seed, and in the table of every run, it takes "
    "the test sequences as the unit, and never the single tokens. If all runs agree, it is Wilson's for the "
    "number of sequences."
)
_SPANS = (
    "Some predictions depend on an interval of the sequence and not on one farthest position. Their distance "
    "is the length of that interval, the *span of influence*. Spans have figures of their own."
)


def describe(study: Study) -> Section | None:
    """The section; None when no prediction has a distance."""
    measured = study.by_distance
    if measured.points.empty:
        return None
    tables = {
        f"{title(task, objective, study.cells)}: accuracy by dependency length, {scope}": by_distance(
            study, task, objective, scope
        )
        for (task, objective, scope), _ in grouped(measured.points, ["task", "objective", "scope"])
    }
    has_spans = "span" in set(measured.points["distance"])
    return Section(
        "Accuracy by dependency length",
        f"{_ABOUT}\n\n{_SPANS}" if has_spans else _ABOUT,
        {
            **tables,
            "Accuracy by dependency length, all values": tidy(measured.points),
            "Accuracy by dependency length, every run": tidy(measured.runs),
            "Area and reach by dependency length": tidy(measured.reach),
            "Area by dependency length, every run": tidy(measured.areas),
        },
        dependency_figures(measured, study.cells, study.outcomes),
    )
