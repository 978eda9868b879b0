"""The places of small panels in a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["MOST_ACROSS", "WIDTH", "Grid"]

WIDTH, MOST_ACROSS = 9.6, 4
"""The width of a figure in inches, and the largest number of panels in a row."""

_TITLE, _LABEL = 0.2, 0.13
"""The height of the title of a panel, and of what its lowest label needs below the gap, in inches."""


@dataclass(frozen=True)
class Grid:
    """Panels of one size, filled row by row; all measures in inches.

    Attributes:
        n: the number of panels.
        size: width and height of one panel.
        left, top: the room left of the first column and above the first row.
        gap: the room between two panels, across and down.
    """

    n: int
    columns: int
    size: tuple[float, float]
    left: float
    top: float
    gap: tuple[float, float]

    @property
    def height(self) -> float:
        """The height of the figure."""
        return self.top + math.ceil(self.n / self.columns) * (self.size[1] + self.gap[1])

    def cell(self, i: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of what a panel has for itself, from the left and the top."""
        row, column = divmod(i, self.columns)
        across, down = (size + gap for size, gap in zip(self.size, self.gap, strict=True))
        return column * across, self.top + row * down - _TITLE, across, down + _LABEL

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
