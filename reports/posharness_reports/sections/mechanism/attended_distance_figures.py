"""Figures of the mean attended distance, by encoding and layer."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.collections import LineCollection

from posharness.contracts import Chart
from posharness_reports.data.grouping import grouped
from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.palette import Look, looks
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.figures.sentences import nearer_than_equal
from posharness_reports.figures.theme import MUTED
from posharness_reports.formatting import short_names, span
from posharness_reports.sections.mechanism.attended_distance import layer_name
from posharness_reports.sections.mechanism.small_multiples import MOST_ACROSS, WIDTH, Grid

__all__ = ["attended_distance_figures"]

_NARROWEST = 1.3
"""The width that a panel has at least, with the gap beside it, in inches."""


def attended_distance_figures(ranked: pd.DataFrame, cells: pd.DataFrame) -> dict[str, Chart]:
    """Caption to chart: mean attended distance by encoding and layer, a figure per task.

    Args:
        ranked: from `across_seeds`.
        cells: all cells, so that a label looks the same in every figure.
    """
    charts: dict[str, Chart] = {}
    styles = looks(cells["label"])
    for (task,), rows in grouped(ranked, ["task"]):
        caption = (
            f"Mean attended distance: {task}. One dot per head; encodings that attend nearest are on top. "
        )
        caption += f"{span(rows['seeds'], 'seed')}. "
        if rows["seeds"].max() > 1:
            caption += (
                "Heads of different seeds do not correspond, so the heads of a layer are sorted in each "
                "seed: a dot is the mean over seeds at one rank, and its line goes from the lowest to the "
                "highest seed. "
            )
        caption += "Grey dotted line: equal weights on all visible tokens."
        figure = _by_layer(rows, styles)
        charts[caption] = Chart(f"attended-distance-{task}", figure, rows, nearer_than_equal)
    return charts


def _by_layer(rows: pd.DataFrame, styles: Mapping[str, Look]) -> ReadableFigure:
    figure = _drawn(rows, styles, WIDTH)
    figure.paper = lambda width: [_drawn(rows, styles, width)]
    return figure


def _drawn(rows: pd.DataFrame, styles: Mapping[str, Look], width: float) -> ReadableFigure:
    order = list(rows.groupby("label")["attended"].mean().sort_values(kind="stable").index)
    panels = list(grouped(rows, ["stack", "layer"]))
    names = list(short_names(order, 30).values())
    left = 0.2 + text_width(max(names, key=len))
    columns = min(MOST_ACROSS, len(panels), max(int((width - left) / _NARROWEST), 1))
    across = min((width - left) / columns - 0.2, 4.0)
    grid = Grid(len(panels), columns, (across, 0.21 * len(order) + 0.1), left, 0.3, (0.2, 0.6))
    figure = ReadableFigure(left + columns * (across + 0.2), grid.height)
    farthest = 1.05 * max(rows["high"].max(), rows["uniform"].max())
    for i, (axes, ((stack, layer), layer_rows)) in enumerate(zip(grid.axes(figure), panels, strict=True)):
        # Its names are beside the first of a row; where it is alone, they have room beside it too.
        column, top, _, down = grid.cell(i)
        figure.in_cell(axes, column, top - 0.1, left + across + 0.1, down)
        axes.set_title(layer_name(stack, layer), size=9, pad=4)
        y = layer_rows["label"].map({label: k for k, label in enumerate(order)})
        colours = [styles[label].colour for label in layer_rows["label"]]
        axes.axvline(layer_rows["uniform"].mean(), color=MUTED, lw=1, ls=(0, (2, 2)), zorder=1.5)
        spans = [
            ([(low, k), (high, k)], colour)
            for low, high, k, colour in zip(layer_rows["low"], layer_rows["high"], y, colours, strict=True)
            if low < high
        ]
        if spans:
            lines, own = zip(*spans, strict=True)
            axes.add_collection(LineCollection(lines, colors=own, linewidths=1.2, alpha=0.5, zorder=2))
        dots = layer_rows.rename(columns={"attended": "y"})
        dots = dots.assign(name=[str(rank) for rank in dots["rank"]])
        # One seed has no lowest and highest.
        dots[["low", "high"]] = dots[["low", "high"]].where(dots["seeds"] > 1)
        axes.scatter(layer_rows["attended"], y, s=16, c=colours, alpha=0.85, linewidth=0, zorder=3)
        axes.set_xlim(0, farthest)
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_yticks(range(len(order)), names if i % columns == 0 else [""] * len(order))
        axes.locator_params(axis="x", nbins=5)
        if i + columns >= len(panels):
            axes.set_xlabel("distance in tokens")
        ends: dict[tuple[str, ...], tuple[float, float]] = {
            (label,): (k - 0.5, k + 0.5) for k, label in enumerate(order)
        }
        figure.read_dots(axes, layer_name(stack, layer), ("head by distance", "mean distance"), dots, ends)
    return figure
