"""Drawing what heads do: what an encoding adds to scores by distance, and how far heads look."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy import ndarray

from posharness_reports.data.grouping import grouped
from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.palette import Look, looks
from posharness_reports.figures.panels import CROWD
from posharness_reports.figures.theme import GHOST, MUTED
from posharness_reports.formatting import shorten, span
from posharness_reports.sections.mechanism.attended_distance import place_name

__all__ = ["attended_figures", "effect_figures"]

Array = ndarray[Any, Any]
Figures = dict[str, Figure]

_WIDTH, _ACROSS = 9.6, 4
_POINTS = 160
"""So many distances of a line are drawn: more would not be seen in a panel this small."""


@dataclass(frozen=True)
class _Grid:
    """Where the axes of small multiples stand; all in inches."""

    n: int
    columns: int
    size: tuple[float, float]
    left: float
    top: float
    gap: tuple[float, float]

    @property
    def height(self) -> float:
        return self.top + math.ceil(self.n / self.columns) * (self.size[1] + self.gap[1])

    def axes(self, figure: Figure) -> Iterator[Axes]:
        """The axes from the left to the right, then down."""
        for i in range(self.n):
            row, column = divmod(i, self.columns)
            left = self.left + column * (self.size[0] + self.gap[0])
            bottom = self.height - self.top - row * (self.size[1] + self.gap[1]) - self.size[1]
            width, height = figure.get_size_inches()
            yield figure.add_axes(
                (left / width, bottom / height, self.size[0] / width, self.size[1] / height)
            )


def effect_figures(effects: pd.DataFrame) -> Figures:
    """What encodings add to a score by distance, by caption; a figure for each task.

    Few encodings get a row each, with a panel for each layer and a colour for each head; many get one
    panel each, with a colour for each layer and one line for each of its heads.

    Args:
        effects: prepared rows of `mechanism` with an effect, of one seed for each task and label.
    """
    figures: Figures = {}
    for (task,), rows in grouped(effects, ["task"]):
        places = [place for place, _ in grouped(rows, ["stack", "layer"])]
        labels = sorted(set(rows["label"].astype(str)))
        by_layer = len(labels) <= CROWD and len(places) <= _ACROSS
        told = "One line for each head"
        if by_layer:
            keys = {head: f"head {head}" for (head,), _ in grouped(rows, ["head"])}
            split, told = ["label", "stack", "layer"], f"{told}, one panel for each layer"
            columns = len(places) if len(places) > 1 else _ACROSS
            named = rows.assign(key=rows["head"].map(keys))
        else:
            split, told = ["label"], f"{told}, one colour for each layer"
            columns = _ACROSS
            named = rows.assign(
                key=[place_name(s, n) for s, n in zip(rows["stack"], rows["layer"], strict=True)]
            )
        seeds = ", ".join(str(seed) for seed in sorted(set(rows["seed"])))
        caption = (
            f"Score by distance: {task}. Mean of what the encoding adds to a score, against the signed "
            f"distance from query to key. {told}; both are counted from 0. Of one seed only ({seeds}), "
            "because heads of different seeds do not correspond. Each encoding has a scale of its own; "
            "only differences along a line matter."
        )
        figures[caption] = _effects(named, split, min(columns, len(labels) * len(places)), by_layer)
    return figures


def _effects(rows: pd.DataFrame, split: list[str], columns: int, by_layer: bool) -> Figure:
    names = list(dict.fromkeys(rows.sort_values(["stack", "layer", "head"])["key"]))
    seen = looks(names)
    panels = list(grouped(rows, split))
    per_row = max(1, math.floor(_WIDTH / (0.5 + max(text_width(name) for name in names))))
    legend = 0.2 + 0.17 * math.ceil(len(names) / per_row)
    across = min(_WIDTH / columns, 3.2)
    grid = _Grid(len(panels), columns, (across - 0.62, 0.85), 0.55, legend + 0.2, (0.62, 0.48))
    figure = Figure(figsize=(max(across * columns, 3.2), grid.height))
    _legend(figure, names, seen, per_row)
    scales = {label: _padded(own["effect"], 0.06) for (label,), own in grouped(rows, ["label"])}
    for i, (axes, (key, own)) in enumerate(zip(grid.axes(figure), panels, strict=True)):
        heading = place_name(key[1], key[2]) if by_layer else ""
        room = int((across - 0.2) / 0.07) - len(heading) - 2
        axes.set_title(", ".join(filter(None, (shorten(str(key[0]), room), heading))), size=8, pad=3)
        _lines(axes, own, seen)
        axes.set_ylim(*scales[key[0]])
        axes.set_xlim(*_padded(own["distance"], 0.02))
        axes.locator_params(axis="y", nbins=4)
        axes.locator_params(axis="x", nbins=4, integer=True)
        if i + columns >= len(panels):
            axes.set_xlabel("key - query in tokens")
        if i % columns == 0:
            axes.set_ylabel("added to score")
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, seen: Mapping[str, Look]) -> None:
    axes.axhline(0, color=GHOST, lw=0.8, zorder=1.2)
    axes.axvline(0, color=GHOST, lw=0.8, zorder=1.2)
    for (key,), own in grouped(rows, ["key"]):
        heads = own.sort_values("distance").groupby(["stack", "layer", "head"], observed=True)
        lines = [_thinned(head[["distance", "effect"]].to_numpy(dtype=float)) for _, head in heads]
        axes.add_collection(
            LineCollection(
                lines, colors=seen[key].colour, linestyles=_style(seen[key]), linewidths=1.1, zorder=2
            )
        )


def _thinned(points: Float[Array, "distances 2"]) -> Float[Array, "kept 2"]:
    """Every point near the query, where most encodings change most, and every so manieth beyond."""
    step = max(1, math.ceil(len(points) / _POINTS))
    near = np.abs(points[:, 0]) <= _POINTS // 10
    kept = near | (np.arange(len(points)) % step == 0)
    kept[[0, -1]] = True
    thinned: Array = points[kept]
    return thinned


def _padded(values: pd.Series[Any], margin: float) -> tuple[float, float]:
    """Lowest and highest value, with a share of what is between them added on both sides."""
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low) or 0.5
    return low - room, high + room


def _style(look: Look) -> Any:
    """Its dashes, as matplotlib takes them."""
    return (0, look.dashes) if look.dashes else "-"


def _legend(figure: Figure, names: Sequence[str], seen: Mapping[str, Look], per_row: int) -> None:
    handles = [
        Line2D([], [], color=seen[name].colour, linestyle=_style(seen[name]), lw=1.4, label=name)
        for name in names
    ]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=min(per_row, len(names)),
        frameon=False, fontsize=8, handlelength=2.2, columnspacing=1.2, borderaxespad=0.2, labelcolor=MUTED,
    )  # fmt: skip


def attended_figures(ranked: pd.DataFrame, cells: pd.DataFrame) -> Figures:
    """Mean attended distance by encoding and layer, by caption; a figure for each task.

    Args:
        ranked: heads across seeds.
        cells: of the frames, for the looks of all labels.
    """
    figures: Figures = {}
    seen = looks(cells["label"])
    for (task,), rows in grouped(ranked, ["task"]):
        caption = f"Mean attended distance: {task}. One dot for each head, the encodings that look nearest on"
        caption += f" top; {span(rows['seeds'], 'seed')}. "
        if rows["seeds"].max() > 1:
            caption += (
                "Heads of different seeds do not correspond: each seed's are sorted within their layer, and "
                "a dot is the mean over seeds at one rank, a line from the lowest to the highest. "
            )
        figures[caption + "Dashed: equal weights on all that is visible."] = _attended(rows, seen)
    return figures


def _attended(rows: pd.DataFrame, seen: Mapping[str, Look]) -> Figure:
    order = list(rows.groupby("label")["attended"].mean().sort_values(kind="stable").index)
    panels = list(grouped(rows, ["stack", "layer"]))
    columns = min(_ACROSS, len(panels))
    names = [shorten(label, 30) for label in order]
    left = 0.2 + text_width(max(names, key=len))
    across = min((_WIDTH - left) / columns - 0.2, 4.0)
    grid = _Grid(len(panels), columns, (across, 0.21 * len(order) + 0.1), left, 0.3, (0.2, 0.6))
    figure = Figure(figsize=(left + columns * (across + 0.2), grid.height))
    farthest = 1.05 * max(rows["high"].max(), rows["uniform"].max())
    for i, (axes, ((stack, layer), own)) in enumerate(zip(grid.axes(figure), panels, strict=True)):
        axes.set_title(place_name(stack, layer), size=9, pad=4)
        y = own["label"].map({label: k for k, label in enumerate(order)})
        colours = [seen[label].colour for label in own["label"]]
        axes.axvline(own["uniform"].mean(), color=MUTED, lw=1, ls=(0, (2, 2)), zorder=1.5)
        spans = [[(low, k), (high, k)] for low, high, k in zip(own["low"], own["high"], y, strict=True)]
        axes.add_collection(LineCollection(spans, colors=colours, linewidths=1.2, alpha=0.5, zorder=2))
        axes.scatter(own["attended"], y, s=16, c=colours, alpha=0.85, linewidth=0, zorder=3)
        axes.set_xlim(0, farthest)
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_yticks(range(len(order)), names if i % columns == 0 else [""] * len(order))
        axes.locator_params(axis="x", nbins=5)
        if i + columns >= len(panels):
            axes.set_xlabel("distance in tokens")
    return figure
