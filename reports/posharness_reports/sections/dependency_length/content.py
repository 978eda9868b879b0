"""Prose, tables and figures of accuracy by dependency length."""

from __future__ import annotations

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import title
from posharness_reports.figures.accuracy import dependency_figures
from posharness_reports.measures.statistics import DRAWS
from posharness_reports.study import Study
from posharness_reports.tables.accuracy import by_distance
from posharness_reports.tables.tidy import tidy

__all__ = ["describe"]

_ABOUT = (
    "The dependency length of a prediction is a distance in tokens: from the position that makes the "
    "prediction to the farthest position that it depends on. Sequences of the training length and longer "
    "sequences are shown separately, because a loss of accuracy with distance is not a loss with length. "
    "When a task has more than twelve distances, they share buckets that double in width.\n\nEvery run "
    "counts once: an accuracy is the mean over seeds. Its interval comes from a bootstrap that resamples "
    f"the seeds and then the sequences of each seed ({DRAWS} draws); with one seed, only its sequences. If "
    "all draws agree, as when every prediction is right, the interval is Wilson's for the number of "
    "sequences. In the table of every run, each interval is Wilson's for the number of predictions; it takes "
    "them as independent and so understates the uncertainty."
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
            "Effective dependency length": tidy(measured.reach),
        },
        dependency_figures(measured, study.cells),
    )
