"""Figures of readings: accuracy by distance, and panels of several models laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from posharness.contracts import Chart
from posharness_reports.data.grouping import matching
from posharness_reports.figures.accuracy import distance_panel
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import MOST_SHARED, Panel, behind, one_panel_each, side_by_side
from posharness_reports.figures.sentences import above_zero, changed
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


def reading_figures(
    study: Study, panels: Sequence[Panel | None], caption: str, name: str
) -> dict[str, Chart]:
    """One figure of all panels; with too many models, a figure for each panel with one model at a time.

    Args:
        name: names the charts.
    """
    known = [panel for panel in panels if panel is not None]
    styles = looks(study.trained.labels, study.readings.labels)
    if not known:
        return {}
    if max(len(panel.labels) for panel in known) <= MOST_SHARED:
        values = pd.concat([_values(panel) for panel in known], ignore_index=True)
        return {caption: Chart(name, side_by_side([known], styles), values, _says)}
    charts: dict[str, Chart] = {}
    for panel in known:
        drawn, grey = behind(panel)
        heading = f"{panel.title}, one panel per model. {caption} {grey.format('models')}"
        figure = one_panel_each(drawn, styles, panel.labels)
        charts[heading] = Chart(f"{name}-{panel.title}", figure, _values(panel), _says)
    return charts


def _values(panel: Panel) -> pd.DataFrame:
    """The points of a panel, and whether they are differences."""
    lines = panel.lines[["label", "x", "y", "low", "high"]]
    return lines.assign(
        place=panel.title,
        at=[panel.ticks.get(x, f"{x:g}") for x in lines["x"]],
        unit=panel.x_label.rpartition(" in ")[2],
        difference=panel.limits is None,
    )


def _says(values: pd.DataFrame) -> str:
    sentences = []
    for difference, rows in values.groupby("difference"):
        sentences.append(above_zero(rows) if difference else changed(rows, rows["unit"].iloc[0]))
    return " ".join(sentences)
