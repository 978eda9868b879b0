"""Prose, a table and figures of the learning curves."""

from __future__ import annotations

from posharness.contracts import Section
from posharness_reports.figures.learning import learning_figures
from posharness_reports.formatting import percent
from posharness_reports.measures.dynamics import REACHED, steps_to
from posharness_reports.study import Study
from posharness_reports.tables.learning import at_equal_steps, curve_summary, dynamics, stopped_early

__all__ = ["describe"]

_ABOUT = (
    "One line per run, including runs that diverged or were interrupted. If a curve is still rising at its "
    "end, the number of training steps may limit the result, and not the encoding. *How runs learn*: the "
    f"runs whose validation accuracy gets {percent(REACHED)} of the way from chance to perfect, with the "
    "exact interval of their share; the mean steps and seconds until then, of these runs alone; and the "
    "standard deviation of the natural logarithm of the gradient norm."
)

_STOPPED = (
    "Some runs stopped early, because their budget lets them when the task is solved or the score no longer "
    "rises. Their tests are of weights with fewer steps: compare such runs at equal steps, in the last table."
)


def describe(study: Study) -> Section | None:
    """The section; None when no step was logged."""
    if study.curves.empty:
        return None
    tables = {"First and last values of each run": curve_summary(study.curves)}
    if len(reached := dynamics(steps_to(study, REACHED))):
        tables["How runs learn"] = reached
    stopped = stopped_early(study.cells)
    if len(stopped):
        tables["Runs that stopped before the steps they were given"] = stopped
        tables["All encodings when the first run stopped: mean validation accuracy at equal steps"] = (
            at_equal_steps(study.curves, stopped)
        )
    return Section(
        "Learning curves",
        f"{_ABOUT} {_STOPPED}" if len(stopped) else _ABOUT,
        tables,
        learning_figures(study.curves, study.cells),
    )
