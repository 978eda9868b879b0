"""An image of what many encodings add to attention scores: a line of colours for each head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.figures.theme import SURFACE
from posharness_reports.formatting import short_names
from posharness_reports.sections.mechanism.attended_distance import head_name, offset_name
from posharness_reports.sections.mechanism.small_multiples import WIDTH

__all__ = ["columns", "score_image"]

_NEAR, _PER_OCTAVE = 16, 8
"""Every distance up to the first has a column; beyond it, each doubling has as many as the second."""
_READ = (2, 1)
"""The same for the distances whose values are read: each head of each encoding has them."""
_ROW, _LONGEST_LABEL, _TOP, _BOTTOM = 0.21, 34, 0.15, 0.5


def score_image(rows: pd.DataFrame, labels: Sequence[str]) -> ReadableFigure:
    """The effects of the heads of each label by distance, scaled from the label's lowest to its highest.

    Args:
        rows: columns label, stack, layer, head, distance, effect.
        labels: from top to bottom.
    """
    figure = _drawn(rows, labels, WIDTH)
    figure.paper = lambda width: [_drawn(rows, labels, width)]
    return figure


def _drawn(rows: pd.DataFrame, labels: Sequence[str], width: float) -> ReadableFigure:
    shown = columns(rows["distance"])
    kept = rows[rows["distance"].isin(shown)].astype({"label": str, "stack": str})
    table = kept.pivot_table(index=["label", "stack", "layer", "head"], columns="distance", values="effect")
    table = table.reindex(columns=shown).loc[list(labels)]
    heads = table.groupby(level="label", sort=False)
    low, high = heads.min().min(axis=1), heads.max().max(axis=1)
    names = table.index.get_level_values("label")
    spread = (high - low).reindex(names).replace(0.0, math.nan).to_numpy()
    scaled = (table.to_numpy(dtype=float) - low.reindex(names).to_numpy()[:, None]) / spread[:, None]

    written = list(short_names(labels, _LONGEST_LABEL).values())
    left = 0.2 + text_width(max(written, key=len))
    height = _TOP + _ROW * len(labels) + _BOTTOM
    figure = ReadableFigure(width, height)
    axes = figure.add_axes(
        (left / width, _BOTTOM / height, (width - left - 0.2) / width, _ROW * len(labels) / height)
    )
    colours = sns.color_palette("crest", as_cmap=True)
    axes.imshow(scaled, aspect="auto", cmap=colours, vmin=0, vmax=1, interpolation="none")
    ends = [0, *heads.size().loc[list(labels)].cumsum()]
    axes.hlines([end - 0.5 for end in ends[1:-1]], -0.5, len(shown) - 0.5, color=SURFACE, lw=1.2)
    middles = [(first + last - 1) / 2 for first, last in pairwise(ends)]
    axes.set_yticks(middles, written)
    marked = [distance for distance in shown if distance == 0 or math.log(abs(distance), 4).is_integer()]
    marked = [distance for distance in marked if abs(distance) != 1]
    axes.set_xticks([shown.index(distance) for distance in marked], [str(distance) for distance in marked])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xlabel("key - query in tokens")
    _read(figure, axes, table)
    return figure


def _read(figure: ReadableFigure, axes: Axes, table: pd.DataFrame) -> None:
    """Let the effects of each head be read at some distances.

    Args:
        table: a row for each head and a column for each distance, as they are drawn.
    """
    heads = [(str(label), head_name(stack, layer, head)) for label, stack, layer, head in table.index]
    shown = [int(distance) for distance in table.columns]
    read = columns(pd.Series(shown), *_READ)
    dots = pd.DataFrame(
        [
            {"label": label, "line": line, "x": shown.index(at), "name": offset_name(at), "y": value}
            for (label, line), values in zip(heads, table[read].to_numpy(dtype=float), strict=True)
            for at, value in zip(read, values, strict=True)
        ]
    )
    rows: dict[tuple[str, ...], tuple[float, float]] = {
        head: (i - 0.5, i + 0.5) for i, head in enumerate(heads)
    }
    figure.read_dots(axes, "", ("distance in tokens", "added to score"), dots, rows)


def columns(distances: pd.Series[int], near: int = _NEAR, per_octave: int = _PER_OCTAVE) -> list[int]:
    """The distances that have a column: all near the query, and at most so many for each doubling beyond."""
    shown: dict[tuple[bool, int], int] = {}
    for distance in sorted({int(value) for value in distances}, key=abs):
        far = abs(distance)
        place = far if far <= near else near + math.floor(per_octave * math.log2(far / near) + 1e-9) + 1
        shown.setdefault((distance < 0, place), distance)
    return sorted(shown.values())
