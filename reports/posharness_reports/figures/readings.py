"""Figures of readings: accuracy by distance, and panels of several models laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from posharness_reports.data.grouping import matching
from posharness_reports.figures.accuracy import distance_panel
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import MOST_SHARED, Panel, behind, one_panel_each, side_by_side
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.study import Study

__all__ = ["accuracy_panel", "reading_figures"]


def accuracy_panel(study: Study, task: str, objective: str, *, title: str, x_label: str) -> Panel | None:
    """Accuracy by distance of one reading and objective; None when no answer has a distance."""
    measured = study.readings.by_distance
    if matching(measured.points, task=task, objective=objective, scope=SCOPES[0]).empty:
        return None
    panel = distance_panel(measured, (task, objective, SCOPES[0]), study.readings.cells)
    return replace(panel, title=title, subtitle="", x_label=x_label)


def reading_figures(study: Study, panels: Sequence[Panel | None], caption: str) -> dict[str, Figure]:
    """One figure of all panels; with too many models, a figure for each panel with one model at a time."""
    known = [panel for panel in panels if panel is not None]
    styles = looks(study.trained.labels, study.readings.labels)
    if not known:
        return {}
    if max(len(panel.labels) for panel in known) <= MOST_SHARED:
        return {caption: side_by_side([known], styles)}
    figures: dict[str, Figure] = {}
    for panel in known:
        drawn, grey = behind(panel)
        heading = f"{panel.title}, one panel per model. {caption} {grey.format('models')}"
        figures[heading] = one_panel_each(drawn, styles, panel.labels)
    return figures
