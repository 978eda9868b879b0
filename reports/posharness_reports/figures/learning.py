"""Figures of learning: losses and validation accuracy by training step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import title
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import ACCURACY, MOST_SHARED, Panel, behind, side_by_side
from posharness_reports.formatting import span

__all__ = ["curve_panel", "learning_figures"]

_Y_LABELS = {
    "train_loss": "training loss",
    "validation_loss": "validation loss",
    "validation_score": "validation accuracy",
}


def learning_figures(curves: pd.DataFrame, cells: pd.DataFrame) -> dict[str, Figure]:
    """Caption to figure: training loss and validation accuracy by step, with one line per run."""
    grid: list[list[Panel]] = []
    for (task, objective), rows in grouped(curves, ["task", "objective"]):
        heading = title(task, objective, cells)
        panels = (curve_panel(rows, column, heading) for column in ("train_loss", "validation_score"))
        row = [panel for panel in panels if not panel.lines.empty]
        grid += [row] if row else []
    if not grid:
        return {}
    styles = looks(cells["label"])
    runs = curves.groupby(["task", "label"], observed=True)["cell"].nunique()
    note = f"One line per run ({span(runs, 'run')} per encoding)."
    if len(styles) <= MOST_SHARED:
        return {f"Learning curves. {note}": side_by_side(grid, styles)}
    note += " In colour: the encodings with the four highest and the four lowest means at the end."
    figures: dict[str, Figure] = {}
    for row in grid:
        drawn, grey = _highest_and_lowest(row)
        heading = f"Learning curves: {row[0].title}. {note} {grey.format('encodings')}"
        figures[heading] = side_by_side([drawn], styles)
    return figures


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
