"""Figures that a page can read: where each value is in the SVG, and what belongs to which label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["PAPER_HEIGHT", "READ", "PaperFigure", "ReadableFigure"]

READ = ("y", "low", "high", "seeds", "predictions", "followed", "line")
"""What can be read at a point, as far as it is known; `line` is that of several of a label, as "seed 3"."""

PAPER_HEIGHT = 8.0
"""The height of a figure for a paper at most, in inches: a page of nine less a caption of four lines."""

_DIGITS = 4


class PaperFigure(Figure):
    """A figure that can be drawn again for a paper.

    Attributes:
        paper: draws it at a width in inches and without a title, as one or several figures; None if it
            cannot.
    """

    paper: Callable[[float], Sequence[Figure]] | None = None


class ReadableFigure(PaperFigure):
    """A figure whose values the page shows at the pointer, and whose labels it can hide.

    Attributes:
        series: its labels. Whatever refers to a label, refers to its place in this list.
        panels: what can be read in each set of axes, as the page's script takes it.
        parts: of each collection with a part for each label, the labels of its parts.
        cells: left, top, width and height of the part of the picture that each set of axes has for itself, in
            the order of the axes, if a narrow page may put these parts below each other.
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height))
        self.series: list[str] = []
        self.panels: list[dict[str, Any]] = []
        self.parts: list[list[int]] = []
        self.cells: list[list[float]] = []
        self._marked = 0

    def in_cell(self, axes: Axes, left: float, top: float, width: float, height: float) -> None:
        """Note the part of the picture that axes have for themselves, in inches from the left and the top."""
        axes.set_gid(f"cell-{len(self.cells)}")
        self.cells.append([round(72 * each, 1) for each in (left, top, width, height)])

    def belongs(self, artist: Artist, label: str) -> None:
        """Note that an artist is about a label alone."""
        # `compile.svg` turns these ids into attributes. In one file no two are the same.
        artist.set_gid(f"s{self._place(label)}-{self._marked}")
        self._marked += 1

    def belong(self, collection: Artist, labels: Iterable[str]) -> None:
        """Note the labels of the parts of a collection, in its order."""
        collection.set_gid(f"parts-{len(self.parts)}")
        self.parts.append([self._place(label) for label in labels])

    def read_points(
        self,
        axes: Axes,
        heading: str,
        axis: tuple[str, str],
        points: pd.DataFrame,
        ticks: Mapping[float, str],
        *,
        chance: pd.DataFrame,
        chance_name: str,
        bands: bool,
    ) -> None:
        """Let the points of lines be read.

        Args:
            heading: what the axes are about.
            axis: what x and y are.
            points: columns label, x and y, and those of `READ` that are known.
            ticks: the name of each x; of the others, the number is the name.
            chance: columns x and y of the line of chance, and its name; it may be empty.
            bands: whether the intervals are drawn.
        """
        points = points[points["y"].notna()]
        places = sorted(set(points["x"]))
        column = {x: i for i, x in enumerate(places)}
        zero, one = (self._across_and_down(axes, places[0] if places else 1, y)[1] for y in (0.0, 1.0))
        names = [name for name in READ if name in points]
        lines = _lines(points)
        level = {} if chance.empty else dict(zip(chance["x"], chance["y"], strict=True))
        self.panels.append(
            self._panel(axes, heading, axis)
            | ({"lines": lines} if lines else {})
            | {
                "chance": {chance_name: [_number(level.get(x)) for x in places]} if level else {},
                "bands": bands,
                "ticks": [ticks.get(x, f"{x:g}") for x in places],
                "xs": [self._across_and_down(axes, x, 0.0)[0] for x in places],
                "y": [zero, round(one - zero, _DIGITS)],
                "read": names,
                "points": [
                    self._point(row, column[row["x"]], names, lines) for row in points.to_dict("records")
                ],
            }
        )

    def read_rows(
        self,
        axes: Axes,
        heading: str,
        axis: tuple[str, str],
        table: pd.DataFrame,
        ticks: Sequence[str],
        more: Mapping[str, pd.DataFrame],
    ) -> None:
        """Let the fields of a heat map be read.

        Args:
            table: a row for each label and a column for each tick, as they are drawn.
            more: those of `READ` that are known besides y, each for the same fields.
        """
        beside = [(name, more[name].to_numpy()) for name in READ if name in more]
        self.panels.append(
            self._panel(axes, heading, axis)
            | {
                "ticks": list(ticks),
                "xs": [self._across_and_down(axes, i + 0.5, 0.5)[0] for i in range(len(ticks))],
                "rows": {
                    self._place(str(label)): [self._across_and_down(axes, 0.0, y)[1] for y in (i, i + 1.0)]
                    for i, label in enumerate(table.index)
                },
                "read": ["y", *(name for name, _ in beside)],
                "points": [
                    [self._place(str(label)), i, _number(value), *(_number(own[row, i]) for _, own in beside)]
                    for row, (label, values) in enumerate(zip(table.index, table.to_numpy(), strict=True))
                    for i, value in enumerate(values)
                    if value == value
                ],
            }
        )

    def read_dots(
        self,
        axes: Axes,
        heading: str,
        axis: tuple[str, str],
        dots: pd.DataFrame,
        rows: Mapping[tuple[str, ...], tuple[float, float]],
    ) -> None:
        """Let dots in rows be read.

        Args:
            dots: columns label, name (of the dot in its row), y (its value), x (where it is across, if not at
                its value), and what else is known of `READ`.
            rows: of each label, or of each label and line where a label has several rows, the upper and the
                lower end in the units of the vertical axis.
        """
        lines = _lines(dots)
        dots = dots[dots["y"].notna()]
        names = [name for name in READ if name in dots]
        places = list(zip(dots["x" if "x" in dots else "y"], dots["name"], strict=True))
        column = {place: i for i, place in enumerate(sorted(set(places)))}
        self.panels.append(
            self._panel(axes, heading, axis)
            | ({"lines": lines} if lines else {})
            | {
                "ticks": [name for _, name in column],
                "xs": [self._across_and_down(axes, x, 0.0)[0] for x, _ in column],
                "rows": {
                    ".".join(map(str, (self._place(label), *map(lines.index, line)))): [
                        self._across_and_down(axes, 0.0, end)[1] for end in ends
                    ]
                    for (label, *line), ends in rows.items()
                },
                "read": names,
                "points": [
                    self._point(row, column[place], names, lines)
                    for row, place in zip(dots.to_dict("records"), places, strict=True)
                ],
            }
        )

    @property
    def readings(self) -> dict[str, Any]:
        """What the page's script is given about the figure."""
        found = {"series": self.series, "panels": self.panels, "parts": self.parts}
        return found | ({"cells": self.cells} if len(self.cells) > 1 else {})

    def _place(self, label: str) -> int:
        if label not in self.series:
            self.series.append(label)
        return self.series.index(label)

    def _point(
        self, row: Mapping[Any, Any], column: int, names: Sequence[str], lines: Sequence[str]
    ) -> list[float | int | None]:
        """A point as the page's script takes it: its label, its column, and what is read at it."""
        read = [lines.index(row[name]) if name == "line" else _number(row[name]) for name in names]
        return [self._place(row["label"]), column, *read]

    def _panel(self, axes: Axes, heading: str, axis: tuple[str, str]) -> dict[str, Any]:
        box = axes.get_window_extent()
        corners = (self._points(box.x0, box.y1), self._points(box.x1, box.y0))
        panel = {"heading": heading, "axis": list(axis), "box": [*corners[0], *corners[1]]}
        cell = (axes.get_gid() or "").partition("cell-")[2]
        return panel | ({"cell": int(cell)} if cell else {})

    def _across_and_down(self, axes: Axes, x: float, y: float) -> tuple[float, float]:
        # Asking for the limits lets matplotlib choose those that nobody has set.
        axes.get_xlim(), axes.get_ylim()
        return self._points(*axes.transData.transform((x, y)))

    def _points(self, across: float, up: float) -> tuple[float, float]:
        """From pixels of matplotlib to the units of the SVG, which count from the top."""
        scale = 72 / self.dpi
        height = self.get_size_inches()[1] * 72
        return round(float(across) * scale, 1), round(height - float(up) * scale, 1)


def _lines(points: pd.DataFrame) -> list[str]:
    """The names of lines, where labels have several."""
    return list(dict.fromkeys(points["line"])) if "line" in points else []


def _number(value: Any) -> float | int | None:
    if value is None or value != value:
        return None
    exact = float(value)
    if exact.is_integer():
        return int(exact)
    shorter = (round(exact, digits) for digits in range(_DIGITS, 17))
    return next((short for short in shorter if _written(short) == _written(exact)), exact)


def _written(value: float) -> tuple[str, ...]:
    """A number as pages write it: rounded twice, 0.68497 would be 0.69."""
    return *(f"{value:.{digits}f}" for digits in range(_DIGITS)), f"{value:.1g}"
