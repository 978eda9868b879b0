"""A heatmap of accuracies, for more labels than a panel of lines can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.patches import Rectangle
from seaborn.utils import relative_luminance

from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.panels import Panel
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.figures.theme import INK, MUTED, SURFACE
from posharness_reports.formatting import short_names
from posharness_reports.measures.reach import FEWEST

__all__ = ["FIELDS", "draw_colours", "draw_fields", "few_fields", "heatmap", "row_names"]

Fields = np.ndarray[Any, np.dtype[np.bool_]]

_WIDTH, _ROW, _LONGEST_LABEL, _LONGEST_WITH_ROOM = 9.6, 0.21, 34, 51
_ROOMY, _FIELD = 5.0, 0.3
"""The width of a figure with notes, and of a field with a number, in inches."""

_LIGHT, _DARK = "#fefefe", "#000001"
"""Colours of numbers on fields: none is a colour of the page, which would turn on a dark page.

Whatever the colour of a field, one of them has a contrast of 4.5 or more with it: a softer pair has not.
"""

FIELDS = f"Dot in a corner: fewer than {FEWEST} predictions of a run. Cross: the encoding is undefined there."
"""What the marks of fields mean, for captions."""

_TURN = (1.05 * 0.05) ** 0.5 - 0.05
"""The relative luminance with the same contrast to black and white: darker fields have light numbers."""


def heatmap(panel: Panel, order: Sequence[str], notes: Mapping[str, str]) -> ReadableFigure:
    """Accuracy by label and place. A field without a value is empty, and the marked place has a frame.

    Args:
        order: labels from top to bottom.
        notes: the reach of each label, written at the end of its row.
    """
    figure = _drawn(panel, order, notes, _WIDTH)
    plain = replace(panel, title="", subtitle="")
    figure.paper = lambda width: [_drawn(plain, order, notes if width > _ROOMY else {}, width)]
    return figure


def row_names(labels: Sequence[str], most: float) -> list[str]:
    """The names beside the rows of a map that may be so many inches wide: longer ones where it has room."""
    longest = _LONGEST_WITH_ROOM if most > _ROOMY else _LONGEST_LABEL
    return list(short_names(labels, _LONGEST_LABEL, longest).values())


def _drawn(panel: Panel, order: Sequence[str], notes: Mapping[str, str], most: float) -> ReadableFigure:
    ticks = panel.ticks
    table = panel.lines.pivot_table(index="label", columns="x", values="y")
    table = table.reindex(index=list(order), columns=sorted(ticks))
    names = row_names(order, most)
    left = 0.2 + text_width(max(names, key=len))
    right = 0.2 + text_width(max([*notes.values(), "reach"], key=len)) if notes else 0.2
    top, bottom = 0.55 if panel.title or notes else 0.1, 0.5
    size = (min(0.55 * len(ticks) + 0.2, most - left - right), _ROW * len(order))
    longest = text_width(max(ticks.values(), key=len))
    turned = longest > size[0] / len(ticks)
    bottom += longest - 0.1 if turned else 0
    width, height = left + size[0] + right, top + size[1] + bottom
    figure = ReadableFigure(width, height)
    axes = figure.add_axes((left / width, bottom / height, size[0] / width, size[1] / height))
    roomy = size[0] / len(ticks) > _FIELD
    known = {
        name: panel.lines.pivot_table(index="label", columns="x", values=name).reindex_like(table)
        for name in ("seeds", "predictions")
        if name in panel.lines
    }
    crosses = {(row["label"], row["x"]) for row in panel.undefined.to_dict("records")}
    undefined = pd.DataFrame([[(label, x) in crosses for x in table] for label in table.index])
    draw_fields(
        axes, table, table.map("{:.2f}".format) if roomy else None, few_fields(known), undefined.to_numpy()
    )
    axes.set(xticklabels=[ticks[x] for x in sorted(ticks)], yticklabels=names)
    figure.read_rows(
        axes,
        ", ".join(filter(None, (panel.title, panel.subtitle))),
        (panel.x_label, panel.y_label),
        table,
        [ticks[x] for x in sorted(ticks)],
        known,
    )
    axes.tick_params(length=0, labelcolor=INK)
    axes.tick_params(axis="x", labelrotation=90 if turned else 0, labelcolor=MUTED)
    axes.tick_params(axis="y", labelrotation=0)
    axes.set(xlabel=panel.x_label, ylabel="")
    for row, label in enumerate(order):
        axes.text(len(ticks) + 0.15, row + 0.5, notes.get(label, ""), va="center", size=7.5, color=MUTED)
    if notes:
        axes.text(len(ticks) + 0.15, -0.15, "reach", va="bottom", size=7.5, color=MUTED)
    if panel.marked is not None and panel.marked[0] in ticks:
        column = sorted(ticks).index(panel.marked[0])
        axes.add_patch(Rectangle((column, 0), 1, len(order), fill=False, ec=INK, lw=1.4, clip_on=False))
    figure.text(0.01, 1 - 0.08 / height, panel.title, va="top", size=10.5)
    figure.text(0.01, 1 - 0.28 / height, panel.subtitle, va="top", color=MUTED, size=8)
    return figure


def few_fields(known: Mapping[str, pd.DataFrame]) -> Fields | None:
    """Which fields are of few predictions of a run."""
    if "predictions" not in known:
        return None
    runs = known.get("seeds", 1)
    few: Fields = (known["predictions"] / runs < FEWEST).to_numpy()
    return few


def draw_colours(axes: Axes) -> None:
    """Draw what the colours of fields are: a bar from 0 to 1."""
    axes.grid(visible=False)
    steps = np.linspace(0, 1, 33)
    axes.pcolormesh(steps, [0, 1], (steps[None, :-1] + steps[None, 1:]) / 2, cmap=_colours(), vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    for x, text, side in ((-0.03, "0", "right"), (1.03, "1", "left")):
        axes.text(x, 0.5, text, ha=side, va="center", size=7.5, color=MUTED)


def _colours() -> Colormap:
    return sns.color_palette("crest", as_cmap=True)


def draw_fields(
    axes: Axes,
    table: pd.DataFrame,
    texts: pd.DataFrame | None = None,
    few: Fields | None = None,
    undefined: Fields | None = None,
) -> None:
    """Draw a row of coloured fields for each row of a table with values from 0 to 1, the first on top.

    seaborn's heat map draws the whole figure to see whether its labels overlap, which takes more than a
    gigabyte for a hundred rows.

    Args:
        texts: what is written on the fields of `table`, if anything.
        few: the fields of few predictions, with a dot in their corner.
        undefined: the fields with a cross.
    """
    rows, columns = table.shape
    axes.grid(visible=False)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(table.to_numpy(float)),
        cmap=_colours(), vmin=0, vmax=1, linewidths=0.6, edgecolor=SURFACE,
    )  # fmt: skip
    axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=np.arange(columns) + 0.5, yticks=np.arange(rows) + 0.5)
    if undefined is not None and undefined.any():
        down, across = np.nonzero(undefined)
        axes.plot(across + 0.5, down + 0.5, "x", color=MUTED, ms=4, mew=1)
    known = table.notna().to_numpy()
    mesh.update_scalarmappable()
    colours = np.asarray(mesh.get_facecolor()).reshape(rows, columns, -1)
    if few is not None and (few & known).any():
        down, across = np.nonzero(few & known)
        tones = [_tone(colours[place]) for place in zip(down, across, strict=True)]
        axes.scatter(across + 0.86, down + 0.2, s=4, c=tones, linewidth=0)
    if texts is None:
        return
    written = texts.to_numpy(str)
    for row, column in zip(*np.nonzero(known), strict=True):
        axes.text(
            column + 0.5, row + 0.5, written[row, column], ha="center", va="center", size=7.5,
            color=_tone(colours[row, column]),
        )  # fmt: skip


def _tone(field: np.ndarray[Any, Any]) -> str:
    """The colour of what is written on a field."""
    return _LIGHT if relative_luminance(field) <= _TURN else _DARK
