"""An image of what many encodings add to attention scores: a line of colours for each head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
import seaborn as sns

from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.readable import PaperFigure
from posharness_reports.figures.theme import SURFACE
from posharness_reports.formatting import shorten
from posharness_reports.sections.mechanism.small_multiples import WIDTH

__all__ = ["columns", "score_image"]

_NEAR, _PER_OCTAVE = 16, 8
"""Every distance up to the first has a column; beyond it, each doubling has as many as the second."""
_ROW, _LONGEST_LABEL, _TOP, _BOTTOM = 0.21, 34, 0.15, 0.5


def score_image(rows: pd.DataFrame, labels: Sequence[str]) -> PaperFigure:
    """The effects of the heads of each label by distance, scaled from the label's lowest to its highest.

    Args:
        rows: columns label, stack, layer, head, distance, effect.
        labels: from top to bottom.
    """
    figure = _drawn(rows, labels, WIDTH)
    figure.paper = lambda width: [_drawn(rows, labels, width)]
    return figure


def _drawn(rows: pd.DataFrame, labels: Sequence[str], width: float) -> PaperFigure:
    shown = columns(rows["distance"])
    kept = rows[rows["distance"].isin(shown)].astype({"label": str, "stack": str})
    table = kept.pivot_table(index=["label", "stack", "layer", "head"], columns="distance", values="effect")
    table = table.reindex(columns=shown).loc[list(labels)]
    heads = table.groupby(level="label", sort=False)
    low, high = heads.min().min(axis=1), heads.max().max(axis=1)
    names = table.index.get_level_values("label")
    spread = (high - low).reindex(names).replace(0.0, math.nan).to_numpy()
    scaled = (table.to_numpy(dtype=float) - low.reindex(names).to_numpy()[:, None]) / spread[:, None]

    left = 0.2 + text_width(max((shorten(label, _LONGEST_LABEL) for label in labels), key=len))
    height = _TOP + _ROW * len(labels) + _BOTTOM
    figure = PaperFigure(figsize=(width, height))
    axes = figure.add_axes(
        (left / width, _BOTTOM / height, (width - left - 0.2) / width, _ROW * len(labels) / height)
    )
    colours = sns.color_palette("crest", as_cmap=True)
    axes.imshow(scaled, aspect="auto", cmap=colours, vmin=0, vmax=1, interpolation="none")
    ends = [0, *heads.size().loc[list(labels)].cumsum()]
    axes.hlines([end - 0.5 for end in ends[1:-1]], -0.5, len(shown) - 0.5, color=SURFACE, lw=1.2)
    middles = [(first + last - 1) / 2 for first, last in pairwise(ends)]
    axes.set_yticks(middles, [shorten(label, _LONGEST_LABEL) for label in labels])
    marked = [distance for distance in shown if distance == 0 or math.log(abs(distance), 4).is_integer()]
    marked = [distance for distance in marked if abs(distance) != 1]
    axes.set_xticks([shown.index(distance) for distance in marked], [str(distance) for distance in marked])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xlabel("key - query in tokens")
    return figure


def columns(distances: pd.Series[int]) -> list[int]:
    """The distances that have a column: all near the query, and at most eight for each doubling beyond."""
    shown: dict[tuple[bool, int], int] = {}
    for distance in sorted({int(value) for value in distances}, key=abs):
        far = abs(distance)
        place = far if far <= _NEAR else _NEAR + math.floor(_PER_OCTAVE * math.log2(far / _NEAR) + 1e-9) + 1
        shown.setdefault((distance < 0, place), distance)
    return sorted(shown.values())
