"""Prose, tables and figures of accuracy by dependency length."""

from __future__ import annotations

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.figures.accuracy import dependency_figures
from posharness_reports.formatting import enumerate_words, escape_markdown
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.reach import FEWEST
from posharness_reports.study import Study
from posharness_reports.tables.accuracy import by_distance, reaches
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


_FEW = 100
"""The predictions of a run in a bucket below which the report says that they are few."""


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
    paragraphs = [_ABOUT]
    if "span" in set(measured.points["distance"]):
        paragraphs.append(_SPANS)
    paragraphs += _few(study)
    return Section(
        "Accuracy by dependency length",
        "\n\n".join(paragraphs),
        {
            **tables,
            "Accuracy by dependency length, all values": tidy(measured.points),
            "Accuracy by dependency length, every run": tidy(measured.runs),
            "Area and reach by dependency length": reaches(measured.reach),
            "Area by dependency length, every run": tidy(measured.areas),
        },
        dependency_figures(measured, study.cells, study.outcomes),
    )


def _few(study: Study) -> list[str]:
    """A paragraph on tasks with few predictions in a bucket at the training length, if there are any."""
    runs = matching(study.by_distance.runs, scope=SCOPES[0])
    medians = {
        title(task, objective, study.cells): float(own["predictions"].median())
        for (task, objective), own in grouped(runs, ["task", "objective"])
    }
    few = [f"{escape_markdown(name)} ({median:.0f})" for name, median in medians.items() if median < _FEW]
    if not few:
        return []
    return [
        f"A run has few predictions at each distance of {enumerate_words(few)} (the median over buckets, at "
        f"the training length). Below {_FEW} single buckets are uncertain, and for the reach those with "
        f"fewer than {FEWEST} are joined with their neighbours; more `test_sequences` tell more."
    ]
