"""Figures of what encodings add to attention scores, by distance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy import ndarray

from posharness.contracts import Chart
from posharness_reports.data.grouping import grouped
from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.palette import Look, looks_in_order
from posharness_reports.figures.panels import MOST_SHARED
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.figures.sentences import near_keys
from posharness_reports.figures.theme import GHOST, MUTED
from posharness_reports.formatting import short_names
from posharness_reports.sections.mechanism.attended_distance import head_name, layer_name, offset_name
from posharness_reports.sections.mechanism.score_image import columns, score_image
from posharness_reports.sections.mechanism.small_multiples import MOST_ACROSS, WIDTH, Grid

__all__ = ["score_figures"]

Array = ndarray[Any, Any]

_MOST_PANELS = 12
"""The largest number of encodings with panels of lines; more are rows of one image."""

_NARROWEST = 1.6
"""The width that a panel has at least, in inches."""

_POINTS = 160
"""The number of distances drawn of one line; more could not be seen in a panel this small."""

_READ = (8, 2)
"""Every distance up to the first can be read, and beyond it so many in each doubling."""

_IMAGE = (
    "One line of colours per head, layer by layer from top to bottom, from the lowest value of the encoding "
    "(light) to its highest (dark); beyond 16 tokens, the distances are ever farther apart."
)


def score_figures(effects: pd.DataFrame) -> dict[str, Chart]:
    """Caption to chart: what encodings add to a score by distance, a figure per task.

    A few encodings get one row each, with a panel per layer and a colour per head. Many encodings get one
    panel each, with a colour per layer and a line per head. More than a dozen are rows of one image.

    Args:
        effects: rows of `mechanism` with an effect, of one seed for each task and label.
    """
    charts: dict[str, Chart] = {}
    for (task,), rows in grouped(effects, ["task"]):
        places = [place for place, _ in grouped(rows, ["stack", "layer"])]
        labels = sorted(set(rows["label"].astype(str)))
        name = f"score-by-distance-{task}"
        seeds = ", ".join(str(seed) for seed in sorted(set(rows["seed"])))
        if len(labels) > _MOST_PANELS:
            figure = score_image(rows, labels)
            charts[_caption(task, _IMAGE, seeds)] = Chart(name, figure, rows, near_keys)
            continue
        by_layer = len(labels) <= MOST_SHARED and len(places) <= MOST_ACROSS
        legend = "One line per head"
        if by_layer:
            keys = {head: f"head {head}" for (head,), _ in grouped(rows, ["head"])}
            split, legend = ["label", "stack", "layer"], f"{legend}, one panel per layer"
            across = len(places) if len(places) > 1 else MOST_ACROSS
            named = rows.assign(key=rows["head"].map(keys))
        else:
            split, legend = ["label"], f"{legend}, one colour per layer"
            across = MOST_ACROSS
            named = rows.assign(
                key=[layer_name(s, n) for s, n in zip(rows["stack"], rows["layer"], strict=True)]
            )
        caption = _caption(task, f"{legend}; heads and layers are numbered from 0.", seeds)
        figure = _effects(named, split, min(across, len(labels) * len(places)), by_layer)
        charts[caption] = Chart(name, figure, rows, near_keys)
    return charts


def _caption(task: str, reading: str, seeds: str) -> str:
    return (
        f"Score by distance: {task}. What the encoding adds to a score, on average, by the signed "
        f"distance from query to key. {reading} One seed only ({seeds}), because heads of different seeds do "
        "not correspond. Each encoding has its own scale; only differences along a line matter."
    )


def _effects(rows: pd.DataFrame, split: list[str], columns: int, by_layer: bool) -> ReadableFigure:
    figure = _drawn(rows, split, columns, by_layer, WIDTH)
    figure.paper = lambda width: [
        _drawn(rows, split, min(columns, max(int(width / _NARROWEST), 1)), by_layer, width)
    ]
    return figure


def _drawn(
    rows: pd.DataFrame, split: list[str], columns: int, by_layer: bool, width: float
) -> ReadableFigure:
    names = list(dict.fromkeys(rows.sort_values(["stack", "layer", "head"])["key"]))
    styles = looks_in_order(names)
    panels = list(grouped(rows, split))
    across = min(width / columns, 3.2)
    # As wide as a panel: so it is whole where panels are below each other.
    per_row = max(1, math.floor(across / (0.5 + max(text_width(name) for name in names))))
    legend = 0.2 + 0.17 * math.ceil(len(names) / per_row)
    grid = Grid(len(panels), columns, (across - 0.62, 0.85), 0.55, legend + 0.2, (0.62, 0.48))
    figure = ReadableFigure(max(across * columns, 3.2), grid.height)
    _legend(figure, names, styles, per_row)
    labels = list(dict.fromkeys(rows["label"].astype(str)))
    scales = {label: _padded(part["effect"], 0.06) for (label,), part in grouped(rows, ["label"])}
    for i, (axes, (key, part)) in enumerate(zip(grid.axes(figure), panels, strict=True)):
        figure.in_cell(axes, *grid.cell(i))
        heading = layer_name(key[1], key[2]) if by_layer else ""
        room = int((across - 0.2) / 0.07) - len(heading) - 2
        named = short_names(labels, room)[str(key[0])]
        axes.set_title(", ".join(filter(None, (named, heading))), size=8, pad=3)
        _lines(figure, axes, part, styles)
        axes.set_ylim(*scales[key[0]])
        axes.set_xlim(*_padded(part["distance"], 0.02))
        axes.locator_params(axis="y", nbins=4)
        axes.locator_params(axis="x", nbins=4, integer=True)
        if i + columns >= len(panels):
            axes.set_xlabel("key - query in tokens")
        if i % columns == 0:
            axes.set_ylabel("added to score")
        _read(figure, axes, part, by_layer)
    return figure


def _read(figure: ReadableFigure, axes: Axes, rows: pd.DataFrame, by_layer: bool) -> None:
    """Let the effects of each head be read at some distances."""
    heads = zip(rows["stack"], rows["layer"], rows["head"], strict=True)
    names = rows["key"] if by_layer else [head_name(*head) for head in heads]
    points = rows.assign(label=rows["label"].astype(str), x=rows["distance"], y=rows["effect"], line=names)
    points = points[points["x"].isin(columns(points["x"], *_READ))]
    figure.read_points(
        axes,
        axes.get_title(),
        ("distance in tokens", "added to score"),
        points,
        {x: offset_name(x) for x in points["x"]},
        chance=pd.DataFrame(),
        chance_name="",
        bands=False,
    )


def _lines(figure: ReadableFigure, axes: Axes, rows: pd.DataFrame, styles: Mapping[str, Look]) -> None:
    axes.axhline(0, color=GHOST, lw=0.8, zorder=1.2)
    axes.axvline(0, color=GHOST, lw=0.8, zorder=1.2)
    for (label, key), part in grouped(rows, ["label", "key"]):
        heads = part.sort_values("distance").groupby(["stack", "layer", "head"], observed=True)
        lines = [_thinned(head[["distance", "effect"]].to_numpy(dtype=float)) for _, head in heads]
        drawn = LineCollection(
            lines, colors=styles[key].colour, linestyles=_style(styles[key]), linewidths=1.1, zorder=2
        )
        axes.add_collection(drawn)
        figure.belongs(drawn, str(label))


def _thinned(points: Float[Array, "distances 2"]) -> Float[Array, "kept 2"]:
    """The points near the query, where most encodings change most, and every k-th point beyond."""
    step = max(1, math.ceil(len(points) / _POINTS))
    near = np.abs(points[:, 0]) <= _POINTS // 10
    kept = near | (np.arange(len(points)) % step == 0)
    kept[[0, -1]] = True
    thinned: Array = points[kept]
    return thinned


def _padded(values: pd.Series[Any], margin: float) -> tuple[float, float]:
    """The lowest and the highest value, with a margin on both sides (a share of their distance)."""
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low) or 0.5
    return low - room, high + room


def _style(look: Look) -> Any:
    """The dashes of a look, as matplotlib takes them."""
    return (0, look.dashes) if look.dashes else "-"


def _legend(figure: Figure, names: Sequence[str], styles: Mapping[str, Look], per_row: int) -> None:
    handles = [
        Line2D([], [], color=styles[name].colour, linestyle=_style(styles[name]), lw=1.4, label=name)
        for name in names
    ]
    columns = min(per_row, len(names))
    # matplotlib fills column after column; readers go row by row.
    handles = [handle for column in range(columns) for handle in handles[column::columns]]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=columns,
        frameon=False, fontsize=8, handlelength=2.2, columnspacing=1.2, borderaxespad=0.2, labelcolor=MUTED,
    )  # fmt: skip
