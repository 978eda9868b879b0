"""Names at the right ends of lines, in the colours of the lines, moved apart if they would overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from posharness_reports.figures.readable import ReadableFigure

__all__ = ["label_ends", "line_ends", "spread", "text_width"]

_LINE = 0.145
"""The height of a name, in inches."""

_CLEAR = 0.055
"""The gap between the end of a line and its connection to the name, in inches."""


def text_width(text: str) -> float:
    """The approximate width of a text in the small type of a figure, in inches."""
    return 0.066 * len(text)


def spread(wanted: Sequence[float], gap: float, high: float) -> list[float]:
    """Places near the wanted ones, at least `gap` apart, and between 0 and `high` if they fit there.

    Args:
        wanted: in ascending order.
    """
    # A group of names that touch is centred on the mean of the wanted places; groups that meet are merged.
    groups: list[tuple[float, int]] = []
    for place in wanted:
        groups.append((place, 1))
        while True:
            centre, size = groups[-1]
            half = gap * (size - 1) / 2
            centre = max(min(centre, high - half), half)
            groups[-1] = (centre, size)
            top = groups[-2][0] + gap * (groups[-2][1] - 1) / 2 if len(groups) > 1 else -math.inf
            if centre - half - top >= gap - 1e-9:
                break
            other, n = groups.pop(-2)
            groups[-1] = ((centre * size + other * n) / (size + n), size + n)
    return [centre + gap * (k - (size - 1) / 2) for centre, size in groups for k in range(size)]


def line_ends(lines: pd.DataFrame) -> pd.DataFrame:
    """The end of each label's line, where its name belongs: columns label, x, y.

    Args:
        lines: columns label, x, y. Several lines of one label (column run) share a name, at the mean
            height of the ends of the longest ones.
    """
    ends: dict[tuple[str, int], tuple[float, float]] = {}
    runs = lines["run"] if "run" in lines else [0] * len(lines)
    points = zip(lines["label"], runs, lines["x"], lines["y"], strict=True)
    for label, run, x, y in sorted(points, key=lambda point: point[2]):
        # Where a run has no value, it has no end.
        ends[label, run] = (x, y if y == y else ends.get((label, run), (x, y))[1])
    of_label: dict[str, list[tuple[float, float]]] = {}
    for (label, _), end in ends.items():
        of_label.setdefault(label, []).append(end)
    rows = []
    for name, own in sorted(of_label.items()):
        # A run that stopped early ends in the middle of the panel; the name belongs to the longer ones.
        far = max(x for x, _ in own)
        heights = [y for x, y in own if x == far and y == y]
        rows.append((name, far, sum(heights) / len(heights) if heights else math.nan))
    return pd.DataFrame(rows, columns=["label", "x", "y"])


def label_ends(axes: Axes, ends: pd.DataFrame, size: tuple[float, float], figure: ReadableFigure) -> None:
    """Write names to the right of the axes, each as close as possible to the height of its point.

    Args:
        ends: columns label ("" if the name is of no label), name, x, y, colour.
        size: width and height of the axes, in inches.
        figure: where the axes are.
    """
    pixels = axes.transData.transform(ends[["x", "y"]].to_numpy(dtype=float))
    ends = ends.join(pd.DataFrame(axes.transAxes.inverted().transform(pixels), columns=["across", "up"]))
    ends = ends.sort_values(["up", "name"], ascending=[True, False])
    heights = spread([up * size[1] for up in ends["up"]], _LINE, size[1])
    # One collection of plain lines: an arrow per name takes a tenth of the time of a figure.
    points = ends[["across", "up"]].to_numpy(dtype=float).tolist()
    starts = [(across + _CLEAR / size[0], up) for across, up in points]
    texts = [(1 + 0.14 / size[0], height / size[1]) for height in heights]
    near = [(x - 0.02 / size[0], y) for x, y in texts]
    joins = LineCollection(
        [[start, end] for start, end in zip(starts, near, strict=True)],
        colors=list(ends["colour"]),
        linewidths=0.6,
        alpha=0.6,
        transform=axes.transAxes,
        clip_on=False,
        zorder=3.2,
    )
    axes.add_collection(joins, autolim=False)
    figure.belong(joins, ends["label"])
    for place, (label, name, colour) in zip(
        texts, ends[["label", "name", "colour"]].itertuples(index=False), strict=True
    ):
        text = axes.text(*place, name, transform=axes.transAxes, color=colour, size=8, va="center")
        if label:
            figure.belongs(text, label)
