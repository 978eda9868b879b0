"""Figures of learning: losses and validation accuracy by training step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import title
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import ACCURACY, MOST_SHARED, Panel, side_by_side
from posharness_reports.formatting import span

__all__ = ["curve_panel", "learning_figures"]

_Y_LABELS = {
    "train_loss": "training loss",
    "validation_loss": "validation loss",
    "validation_score": "validation accuracy",
}


def learning_figures(curves: pd.DataFrame, cells: pd.DataFrame) -> dict[str, Figure]:
    """Training loss and validation score by step, by caption; one line a run."""
    grid: list[list[Panel]] = []
    for (task, objective), rows in grouped(curves, ["task", "objective"]):
        heading = title(task, objective, cells)
        panels = (curve_panel(rows, column, heading) for column in ("train_loss", "validation_score"))
        found = [panel for panel in panels if not panel.lines.empty]
        grid += [found] if found else []
    if not grid:
        return {}
    seen = looks(cells["label"])
    runs = curves.groupby(["task", "label"], observed=True)["cell"].nunique()
    note = f"One line a run ({span(runs, 'run')} for each label)."
    if len(seen) <= MOST_SHARED:
        return {f"Learning curves. {note}": side_by_side(grid, seen)}
    note += " In colour: the four that end best and the four that end worst; grey: the others."
    return {
        f"Learning curves: {found[0].title}. {note}": side_by_side([_best_and_worst(found)], seen)
        for found in grid
    }


def curve_panel(rows: pd.DataFrame, column: str, heading: str) -> Panel:
    """A column of the curves of one task and objective by step; without lines where it was never measured."""
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


def _best_and_worst(panels: list[Panel]) -> list[Panel]:
    """The labels that end best and worst in colour, by the last panel: the validation, where it is known."""
    judged = panels[-1]
    last = judged.lines.sort_values("x", kind="stable").groupby(["label", "run"])["y"].last()
    ranked = list(last.groupby("label").mean().sort_values(kind="stable").index)
    named = {*ranked[: MOST_SHARED // 2], *ranked[-MOST_SHARED // 2 :]}
    return [
        replace(panel, lines=panel.lines[panel.lines["label"].isin(named)], ghosts=panel.lines)
        for panel in panels
    ]
