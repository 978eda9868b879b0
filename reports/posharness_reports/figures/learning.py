"""Figures of learning: losses and validation accuracy by training step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from posharness.contracts import Chart
from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import title
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import ACCURACY, MOST_SHARED, Panel, behind, side_by_side
from posharness_reports.figures.sentences import reached
from posharness_reports.formatting import span

__all__ = ["curve_panel", "learning_figures", "run_values"]

_Y_LABELS = {
    "train_loss": "training loss",
    "validation_loss": "validation loss",
    "validation_score": "validation accuracy",
}


def learning_figures(curves: pd.DataFrame, cells: pd.DataFrame) -> dict[str, Chart]:
    """Caption to chart: training loss and validation accuracy by step, with one line per run."""
    grid: list[list[Panel]] = []
    data = []
    for (task, objective), rows in grouped(curves, ["task", "objective"]):
        heading = title(task, objective, cells)
        panels = (curve_panel(rows, column, heading) for column in ("train_loss", "validation_score"))
        row = [panel for panel in panels if not panel.lines.empty]
        if row:
            grid.append(row)
            data.append(run_values(rows, heading))
    if not grid:
        return {}
    styles = looks(cells["label"])
    runs = curves.groupby(["task", "label"], observed=True)["cell"].nunique()
    note = f"One line per run ({span(runs, 'run')} per encoding)."
    if len(styles) <= MOST_SHARED:
        figure, every = side_by_side(grid, styles), pd.concat(data, ignore_index=True)
        return {f"Learning curves. {note}": Chart("lines", figure, every, reached)}
    note += " In colour: the encodings with the four highest and the four lowest means at the end."
    charts: dict[str, Chart] = {}
    for row, values in zip(grid, data, strict=True):
        drawn, grey = _highest_and_lowest(row)
        heading = f"Learning curves: {row[0].title}. {note} {grey.format('encodings')}"
        figure = side_by_side([drawn], styles)
        charts[heading] = Chart(f"lines-{row[0].title}", figure, values, reached)
    return charts


def run_values(rows: pd.DataFrame, place: str) -> pd.DataFrame:
    """The curves of one task and objective as sentences take them (see `figures.sentences`)."""
    columns = ["label", "step", "train_loss", "validation_loss", "validation_score"]
    values = rows[columns].assign(place=place, run=rows["seed"])
    return values.astype({"label": str, **dict.fromkeys(columns[2:], float)})


def curve_panel(rows: pd.DataFrame, column: str, heading: str) -> Panel:
    """A column of the curves of one task and objective, by step; without lines if it was never measured."""
    known = rows[np.isfinite(rows[column].astype(float))]
    lines = pd.DataFrame(
        {
            "label": known["label"].astype(str),
            "run": known["seed"],
            "x": known["step"],
            "y": known[column].astype(float),
        }
    )
    return Panel(
        title=heading,
        lines=lines.reset_index(drop=True),
        limits=ACCURACY if column == "validation_score" else None,
        markers=False,
        x_label="step",
        y_label=_Y_LABELS[column],
    )


def _highest_and_lowest(panels: list[Panel]) -> tuple[list[Panel], str]:
    """The panels with only the highest and lowest labels in colour, by the end of the last panel.

    Returns:
        The panels, and what is grey in the first one, as in `behind`.
    """
    last = panels[-1].lines.sort_values("x", kind="stable").groupby(["label", "run"])["y"].last()
    ranked = list(last.groupby("label").mean().sort_values(kind="stable").index)
    named = {*ranked[: MOST_SHARED // 2], *ranked[-MOST_SHARED // 2 :]}
    grey = [behind(panel) for panel in panels]
    drawn = [replace(panel, lines=panel.lines[panel.lines["label"].isin(named)]) for panel, _ in grey]
    return drawn, grey[0][1]
