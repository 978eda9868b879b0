"""Panels of lines with bands and dots: side by side, or one per label."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from posharness_reports.figures.line_labels import label_ends, line_ends, text_width
from posharness_reports.figures.palette import FAMILIES, OTHERS, Look, family
from posharness_reports.figures.readable import PAPER_HEIGHT, READ, ReadableFigure
from posharness_reports.figures.theme import GHOST, MUTED, SURFACE
from posharness_reports.formatting import short_names

__all__ = [
    "ACCURACY",
    "MOST_SHARED",
    "Panel",
    "behind",
    "by_family",
    "log_spaced",
    "one_panel_each",
    "side_by_side",
]

Looks = Mapping[str, Look]

MOST_SHARED = 8
"""The largest number of labels that readers can distinguish in one panel."""

_MOST_BEHIND = 12
"""The largest number of labels whose lines are drawn in grey; beyond it, only the area that they cover."""

_GREY_AREA = "Grey area: from the lowest to the highest of all {}."

ACCURACY = (-0.03, 1.03)
"""The limits of an axis of accuracies."""

_WIDTH, _LEFT, _TOP, _BOTTOM, _HEIGHT = 9.6, 0.5, 0.5, 0.5, 1.9
_GAP, _NARROWEST = 0.3, 1.1
"""The room beside the names of a panel, and the width that its axes have at least."""

_LONGEST_LABEL = 30
_ABOVE = ("data", "axes fraction")


_READ_OF_A_RUN = 24
"""The points of a run that can be read, so that the curves of hundreds of runs fit in a page."""


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes:
        lines: columns label, x, y, and run (for several lines of one label) or low and high (for a band). Of
            one line a label, the page shows these and the other columns of `figures.readable.READ`.
        dots: columns label, x, y.
        chance: columns x, y; a grey dotted line with the name `chance_name`.
        undefined: columns label, x; a cross on the axis.
        ghosts: grey lines behind the others; columns as in `lines`.
        envelope: columns x, low, high; a grey area behind the others.
        ticks: place on the x axis to its name; automatic if empty.
        marked: a place on the x axis to mark, and its name.
        markers: whether lines have the marker of their label.
        bands: whether intervals are drawn as bands.
    """

    title: str
    lines: pd.DataFrame
    x_label: str
    y_label: str
    subtitle: str = ""
    dots: pd.DataFrame = field(default_factory=pd.DataFrame)
    chance: pd.DataFrame = field(default_factory=pd.DataFrame)
    chance_name: str = "chance"
    undefined: pd.DataFrame = field(default_factory=pd.DataFrame)
    ghosts: pd.DataFrame = field(default_factory=pd.DataFrame)
    envelope: pd.DataFrame = field(default_factory=pd.DataFrame)
    ticks: Mapping[float, str] = field(default_factory=dict)
    log: bool = False
    limits: tuple[float, float] | None = None
    marked: tuple[float, str] | None = None
    markers: bool = True
    bands: bool = True

    @property
    def labels(self) -> list[str]:
        """The labels of lines and crosses, sorted."""
        return sorted({*self.lines["label"], *self.undefined.get("label", ())})


def behind(panel: Panel) -> tuple[Panel, str]:
    """The panel with its own lines in grey behind it, and the sentence of a caption that explains the grey.

    The area that the lines cover stands for more than a dozen labels: in a panel per label, the lines
    of all labels would be drawn once for each label.
    """
    if len(panel.labels) <= _MOST_BEHIND:
        return replace(panel, ghosts=panel.lines), "Grey lines: the other {}."
    ends = panel.lines.groupby("x")["y"].agg(low="min", high="max").reset_index()
    return replace(panel, ghosts=pd.DataFrame(), envelope=ends), _GREY_AREA


def by_family(panel: Panel, looks: Looks) -> tuple[ReadableFigure, str]:
    """The lines of each kind of encodings in a panel of its own, over the area that all lines cover.

    Returns:
        The figure, and the sentence of a caption that explains the grey.
    """
    ends = panel.lines.groupby("x")["y"].agg(low="min", high="max").reset_index()
    members: dict[str, list[str]] = {name: [] for name in (*FAMILIES, OTHERS)}
    for label in panel.labels:
        members[family(label)].append(label)
    panels = []
    for name, labels in members.items():
        for start in range(0, len(labels), MOST_SHARED):
            own = _only(panel, labels[start : start + MOST_SHARED])
            panels.append(replace(own, title=name, subtitle=panel.subtitle, envelope=ends, bands=False))
    return side_by_side([[each] for each in panels], looks), _GREY_AREA


def side_by_side(grid: Sequence[Sequence[Panel]], looks: Looks) -> ReadableFigure:
    """Panels in rows, with a name at the right end of every line; rows of one panel are joined by threes."""
    panels = [panel for row in grid for panel in row]
    if max(map(len, grid)) == 1:
        grid = _rows(panels, _columns(panels, _WIDTH, 1.8))
    figure = _drawn(grid, looks, _WIDTH)
    figure.paper = lambda width: _on_paper(panels, looks, width)
    return figure


def _on_paper(panels: Sequence[Panel], looks: Looks, width: float) -> list[ReadableFigure]:
    """The panels at the width of a column or page, as many in a figure as fit on a page.

    A single panel has no title: the caption of the paper says what it is.
    """
    if len(panels) == 1:
        panels = [replace(panels[0], title="", subtitle="")]
    columns = _columns(panels, width, 1.1)
    rows = _rows(panels, columns)
    fitting = max(1, int(PAPER_HEIGHT / _down(panels)))
    return [_drawn(rows[i : i + fitting], looks, width) for i in range(0, len(rows), fitting)]


def _columns(panels: Sequence[Panel], width: float, least: float) -> int:
    """How many panels are beside each other, with axes at least so wide."""
    names = text_width("m" * min(_LONGEST_LABEL, max(map(len, _names(panels)))))
    fitting = (c for c in (3, 2) if width / c - _LEFT - names - _GAP >= least)
    return min(len(panels), next(fitting, 1))


def _rows(panels: Sequence[Panel], columns: int) -> list[Sequence[Panel]]:
    return [panels[i : i + columns] for i in range(0, len(panels), columns)]


def _names(panels: Sequence[Panel]) -> list[str]:
    return [name for panel in panels for name in (*panel.labels, panel.chance_name)]


def _down(panels: Sequence[Panel]) -> float:
    """The height of a row of panels: the names of its lines have room."""
    return max(_HEIGHT, 0.15 * max(len(panel.labels) + 1 for panel in panels)) + _TOP + _BOTTOM


def _drawn(grid: Sequence[Sequence[Panel]], looks: Looks, most: float) -> ReadableFigure:
    panels = [panel for row in grid for panel in row]
    across = min(most / max(map(len, grid)), 5.8)
    room = across - _LEFT - _GAP - _NARROWEST
    longest = min(_LONGEST_LABEL, max(6, int(room / text_width("m"))))
    names = text_width("m" * min(longest, max(map(len, _names(panels)))))
    down = _down(panels)
    width, height = across * max(map(len, grid)), down * len(grid)
    figure = ReadableFigure(width, height)
    size = (across - _LEFT - names - _GAP, down - _TOP - _BOTTOM)
    for i, row in enumerate(grid):
        for j, panel in enumerate(row):
            left, bottom = across * j + _LEFT, height - down * (i + 1) + _BOTTOM
            axes = figure.add_axes((left / width, bottom / height, size[0] / width, size[1] / height))
            figure.in_cell(axes, across * j, down * i, across, down)
            axes.set_title(panel.title, pad=16 if panel.subtitle or panel.marked else 6)
            above: dict[str, Any] = {
                "xytext": (0, 3),
                "textcoords": "offset points",
                "color": MUTED,
                "va": "bottom",
            }
            axes.annotate(panel.subtitle, (0, 1), xycoords="axes fraction", size=8, **above)
            # Before drawing: for axes without a label, seaborn would lay out every tick.
            axes.set(xlabel=panel.x_label, ylabel=panel.y_label)
            _draw(figure, axes, panel, looks, size[0])
            if panel.marked is not None:
                axes.annotate(panel.marked[1], (panel.marked[0], 1), xycoords=_ABOVE, size=7, **above)
            label_ends(axes, _ends(axes, panel, looks, longest), size, figure)
            _read(figure, axes, panel)
    return figure


def one_panel_each(panel: Panel, looks: Looks, order: Sequence[str]) -> ReadableFigure:
    """The same panel once per label, with what it has in grey (see `behind`) behind each."""
    columns = min(5, len(order))
    rows = math.ceil(len(order) / columns)
    across, down, left, bottom, top = _WIDTH / columns, 1.35, 0.45, 0.5, 0.55
    height = down * rows + bottom + top
    figure = ReadableFigure(_WIDTH, height)
    figure.text(0.01, 1 - 0.1 / height, panel.title, va="top", size=10.5)
    figure.text(0.01, 1 - 0.29 / height, panel.subtitle, va="top", color=MUTED, size=8)
    plot = (across - 0.2 - left / columns, down - 0.35)
    names = short_names(looks, int(plot[0] / 0.07))
    for i, label in enumerate(order):
        column, row = i % columns, i // columns
        corner = (left + column * (plot[0] + 0.2), height - top - (row + 1) * down + 0.1)
        axes = figure.add_axes((corner[0] / _WIDTH, corner[1] / height, plot[0] / _WIDTH, plot[1] / height))
        own = _only(panel, [label])
        _draw(figure, axes, own, looks, plot[0])
        axes.set_title(names[label], size=8, color=looks[label].name, pad=3)
        axes.set_xlabel(panel.x_label if i + columns >= len(order) else "")
        axes.set_ylabel(panel.y_label if column == 0 else "")
        axes.tick_params(labelleft=column == 0, labelbottom=i + columns >= len(order))
        figure.belongs(axes.title, label)
        _read(figure, axes, own)
    return figure


def log_spaced(values: Iterable[float]) -> bool:
    """Whether the places are spaced more evenly on a logarithmic axis than on a linear one."""
    places = np.unique(np.asarray(list(values), dtype=float))
    if len(places) < 3 or places[0] <= 0 or places[-1] / places[0] < 4:
        return False
    steps, ratios = np.diff(places), np.diff(np.log(places))
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())


def _only(panel: Panel, labels: Sequence[str]) -> Panel:
    """The panel with the lines, dots and crosses of some labels."""

    def of_labels(frame: pd.DataFrame) -> pd.DataFrame:
        return frame if frame.empty else frame[frame["label"].isin(labels)]

    return replace(
        panel,
        lines=of_labels(panel.lines),
        dots=of_labels(panel.dots),
        undefined=of_labels(panel.undefined),
    )


def _ends(axes: Axes, panel: Panel, looks: Looks, longest: int) -> pd.DataFrame:
    """The names at the right of a panel, of lines, crosses and the chance line; see `short_names`."""
    points = pd.concat([panel.lines, panel.undefined.assign(y=axes.get_ylim()[0])], ignore_index=True)
    ends = line_ends(points)
    names = short_names(looks, longest)
    ends["name"] = [names[label] for label in ends["label"]]
    ends["colour"] = [looks[label].name for label in ends["label"]]
    if panel.chance.empty:
        return ends
    chance = panel.chance.iloc[[-1]].assign(label="", name=panel.chance_name, colour=MUTED)
    return pd.concat([ends, chance], ignore_index=True)


def _read(figure: ReadableFigure, axes: Axes, panel: Panel) -> None:
    """Let the values of a panel be read."""
    if panel.lines.empty:
        return
    heading = ", ".join(filter(None, (panel.title, panel.subtitle)))
    known = [name for name in READ if name in panel.lines]
    lines = panel.lines
    if "run" in lines:
        lines = pd.concat(_spread(run) for _, run in lines.groupby(["label", "run"], sort=False))
        lines = lines.assign(line=[f"seed {run}" for run in lines["run"]])
    figure.read_points(
        axes,
        heading,
        (panel.x_label, panel.y_label),
        lines,
        panel.ticks,
        chance=panel.chance,
        chance_name=panel.chance_name,
        bands=panel.bands and "low" in known,
    )


def _spread(run: pd.DataFrame) -> pd.DataFrame:
    """The points of a run that can be read: of many, some evenly spread, with both ends."""
    run = run.sort_values("x", kind="stable")
    return run.iloc[
        np.unique(np.linspace(0, len(run) - 1, min(len(run), _READ_OF_A_RUN)).round().astype(int))
    ]


def _draw(figure: ReadableFigure, axes: Axes, panel: Panel, looks: Looks, width: float) -> None:
    """Draw a panel without the names of its lines.

    Args:
        width: the width of the axes, in inches.
    """
    if panel.log:
        axes.set_xscale("log", base=2)
    if not panel.ghosts.empty:
        keys = ["label", "run"] if "run" in panel.ghosts else ["label"]
        lines = [list(zip(rows["x"], rows["y"], strict=True)) for _, rows in panel.ghosts.groupby(keys)]
        axes.add_collection(LineCollection(lines, colors=GHOST, linewidths=0.6, zorder=1.3))
    if not panel.envelope.empty:
        area = panel.envelope
        axes.fill_between(area["x"], area["low"], area["high"], color=GHOST, alpha=0.5, lw=0, zorder=1.2)
    if not panel.chance.empty:
        axes.plot(panel.chance["x"], panel.chance["y"], color=MUTED, lw=1, ls=(0, (2, 2)), zorder=1.5)
    if panel.marked is not None:
        axes.axvline(panel.marked[0], color=MUTED, lw=1, zorder=1.4)
    _lines(figure, axes, panel, looks)
    if panel.limits is not None:
        axes.set_ylim(*panel.limits)
    if panel.limits == ACCURACY:
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    for label, rows in [] if panel.undefined.empty else panel.undefined.groupby("label"):
        (crosses,) = axes.plot(
            rows["x"], [axes.get_ylim()[0]] * len(rows), "x", ms=6, mew=1.8,
            color=looks[str(label)].colour, clip_on=False, zorder=4,
        )  # fmt: skip
        figure.belongs(crosses, str(label))
    if panel.ticks:
        shown = _roomy(panel, width)
        axes.set_xticks(list(shown), list(shown.values()))
        axes.minorticks_off()
    else:
        axes.set_xlim(left=0)
        axes.locator_params(nbins=5, axis="both" if panel.limits is None else "x")


def _lines(figure: ReadableFigure, axes: Axes, panel: Panel, looks: Looks) -> None:
    if panel.bands and "low" in panel.lines:
        for label, rows in panel.lines.groupby("label"):
            colour = looks[str(label)].colour
            band = axes.fill_between(
                rows["x"], rows["low"], rows["high"], color=colour, alpha=0.16, lw=0, zorder=2
            )
            figure.belongs(band, str(label))
    keys = ["label", "run"] if "run" in panel.lines else ["label"]
    for run, rows in panel.lines.sort_values("x", kind="stable").groupby(keys):
        look = looks[str(run[0])]
        (line,) = axes.plot(
            rows["x"], rows["y"], color=look.colour, ls=(0, look.dashes) if look.dashes else "-",
            marker=look.marker if panel.markers else None, markeredgecolor=SURFACE, markeredgewidth=0.6,
            lw=1.8 if panel.markers else 1.2, zorder=3,
        )  # fmt: skip
        figure.belongs(line, str(run[0]))
    if not panel.dots.empty:
        dots = panel.dots[panel.dots["y"].notna()]
        colours = [looks[label].colour for label in dots["label"]]
        drawn = axes.scatter(dots["x"], dots["y"], s=9, c=colours, alpha=0.6, linewidth=0, zorder=3.5)
        figure.belong(drawn, dots["label"])


def _roomy(panel: Panel, width: float) -> dict[float, str]:
    """The ticks whose names do not touch, chosen from the right: the longest distance matters most."""
    scale: Callable[[float], float] = math.log if panel.log else float
    places = sorted(panel.ticks)
    extent = scale(places[-1]) - scale(places[0])
    shown: dict[float, str] = {}
    edge = math.inf
    for place in reversed(places):
        middle = (scale(place) - scale(places[0])) / (extent or 1) * 0.9 * width
        half = text_width(panel.ticks[place] + " ") / 2
        if middle + half < edge:
            shown[place] = panel.ticks[place]
            edge = middle - half
    return dict(sorted(shown.items()))
