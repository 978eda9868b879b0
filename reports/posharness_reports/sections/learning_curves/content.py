"""Prose, a table and figures of the learning curves."""

from __future__ import annotations

from posharness.contracts import Section
from posharness_reports.figures.learning import learning_figures
from posharness_reports.study import Study
from posharness_reports.tables.learning import curve_summary

__all__ = ["describe"]

_ABOUT = (
    "One line per run, including runs that diverged or were interrupted. If a curve is still rising at its "
    "end, the number of training steps may limit the result, and not the encoding."
)


def describe(study: Study) -> Section | None:
    """The section; None when no step was logged."""
    if study.curves.empty:
        return None
    return Section(
        "Learning curves",
        _ABOUT,
        {"First and last values of each run": curve_summary(study.curves)},
        learning_figures(study.curves, study.cells),
    )
