"""No two texts of a figure overlap, and none leaves the picture: boxes from the SVG, from 2 to 40 labels."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from math import ceil

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from posharness.contracts import Frames
from posharness_reports.figures.first_screen import everything, heatmap_figure
from posharness_reports.figures.heatmap import heatmap
from posharness_reports.figures.palette import FIXED, looks
from posharness_reports.figures.panels import ACCURACY, Panel, behind, by_family, one_panel_each, side_by_side
from posharness_reports.figures.theme import RC
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.study import study

TEXT = re.compile(r'<text style="([^"]*)"([^>]*)>([^<]*)</text>')
Box = tuple[float, float, float, float]
MEASURED = TextToPath()


@pytest.fixture(autouse=True)
def _type() -> Iterator[None]:
    with mpl.rc_context(RC):
        yield


def _panel(labels: int, tasks: str = "copy") -> Panel:
    rng = np.random.default_rng(labels)
    names = [*FIXED, *(f"an-encoding-of-a-plugin[base={i}]" for i in range(40))][:labels]
    x = [1.0, 2.5, 5.5, 11.5, 23.5, 47.5]
    lines = pd.DataFrame(
        [
            {"label": name, "x": at, "y": float(y)}
            for name in names
            for at, y in zip(x, rng.random(6), strict=True)
        ]
    )
    return Panel(
        title=tasks, subtitle="at the training length: 48 tokens", lines=lines,
        dots=lines, chance=pd.DataFrame({"x": x, "y": 0.06}), limits=ACCURACY, log=True,
        ticks=dict(zip(x, ("1", "2-3", "4-7", "8-15", "16-31", "32-63"), strict=True)),
        x_label="dependency length in tokens", y_label="accuracy",
    )  # fmt: skip


def boxes(figure: Figure) -> tuple[list[tuple[str, Box]], Box]:
    """The texts of a figure with their boxes, and the box of the picture."""
    written = io.StringIO()
    figure.savefig(written, format="svg")
    svg = written.getvalue()
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())  # type: ignore[union-attr]
    found = []
    for style, place, text in TEXT.findall(svg):
        size = float(re.search(r"font(?:-size)?: ([\d.]+)px", style)[1])  # type: ignore[index]
        across, _, below = MEASURED.get_text_width_height_descent(
            text, FontProperties(family="DejaVu Sans", size=size), False
        )
        # The height of a small letter with its parts above: what is black.
        up, down = 0.75 * size, min(below, 0.22 * size)
        moved = re.search(r"translate\((-?[\d.]+) (-?[\d.]+)\)", place) or re.search(
            r'\bx="(-?[\d.]+)" y="(-?[\d.]+)"', place
        )
        assert moved is not None
        x, y = float(moved[1]), float(moved[2])
        anchor = re.search(r"text-anchor: (\w+)", style)
        start = {"middle": across / 2, "end": across}.get(anchor[1] if anchor else "", 0.0)
        turned = float(re.search(r"rotate\((-?[\d.]+)", place)[1])  # type: ignore[index]
        corners = np.array([[-start, -up], [across - start, -up], [across - start, down], [-start, down]])
        turn = np.radians(turned)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        if abs(turned) in (0, 90):
            corners = corners @ matrix.T + (x, y)
            found.append((text, (*corners.min(0), *corners.max(0))))
        else:  # of a slanted name, the letters near its end
            end = corners[1] if start == 0 else corners[0] * 0
            found.append((text, (x + end[0] - 1, y - 1, x + 1, y + 1)))
    return found, (0.0, 0.0, width, height)


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """The pairs of texts that overlap, and the texts that leave the picture."""
    found, picture = boxes(figure)
    assert found
    pairs = [
        (one, other)
        for (one, a), (other, b) in combinations(found, 2)
        if a[0] < b[2] - 0.2 and b[0] < a[2] - 0.2 and a[1] < b[3] - 0.2 and b[1] < a[3] - 0.2
    ]
    outside = [
        (text, "outside")
        for text, box in found
        if box[0] < -0.5 or box[1] < -0.5 or box[2] > picture[2] + 0.5 or box[3] > picture[3] + 0.5
    ]
    return pairs + outside


@pytest.mark.parametrize("labels", [2, 3, 5, 8, 13, 23, 40])
def test_names_of_lines_do_not_overlap(labels: int) -> None:
    panel = _panel(labels)
    assert overlaps(side_by_side([[panel]], looks(panel.labels))) == []


@pytest.mark.parametrize("labels", [2, 8])
def test_panels_side_by_side_do_not_overlap(labels: int) -> None:
    panels = [_panel(labels), _panel(labels, "seq2seq_copy (free-running)")]
    assert overlaps(side_by_side([panels, panels], looks(panels[0].labels))) == []


@pytest.mark.parametrize("labels", [9, 23, 40])
def test_kinds_of_encodings_and_maps_do_not_overlap(labels: int) -> None:
    panel = _panel(labels)
    figure, _ = by_family(panel, looks(panel.labels))
    assert overlaps(figure) == []
    assert len(figure.axes) <= ceil(labels / 8) + 5
    assert overlaps(heatmap(panel, panel.labels, dict.fromkeys(panel.labels, "12 [9, ≥ 16]"))) == []
    drawn, _ = behind(panel)
    assert overlaps(one_panel_each(drawn, looks(panel.labels), panel.labels)) == []


@pytest.mark.parametrize("width", [3.25, 6.75])
@pytest.mark.parametrize("labels", [2, 8, 23])
def test_figures_for_papers_do_not_overlap(labels: int, width: float) -> None:
    panel = _panel(labels)
    styles = looks(panel.labels)
    several = side_by_side([[panel, _panel(labels, "recall")]] * 2, styles)
    for figure in (several, by_family(panel, styles)[0], heatmap(panel, panel.labels, {})):
        assert figure.paper is not None
        for part in figure.paper(width):
            assert part.get_size_inches()[0] <= width + 1e-6
            assert part.get_size_inches()[1] <= 9
            assert overlaps(part) == []


@pytest.mark.parametrize("labels", [2, 12, 40])
def test_labels_that_differ_only_in_their_long_middle_can_be_drawn(labels: int) -> None:
    """No name is so long that nothing else has room."""
    long = [f"rope[{'a' * 140}{i:02}{'b' * 140}]" for i in range(labels)]
    panel = _panel(labels)
    panel = replace(panel, lines=panel.lines.replace(dict(zip(panel.labels, long, strict=True))))
    panel = replace(panel, dots=panel.lines)
    rows = [("copy", label, 0.5, 1, 99, False) for label in long]
    columns = ["task", "label", "value", "seeds", "predictions", "undefined"]
    values = pd.concat(pd.DataFrame(rows, columns=columns).assign(scope=scope) for scope in SCOPES)
    styles = looks(long)
    for figure in (
        side_by_side([[panel]], styles),
        heatmap(panel, long, dict.fromkeys(long, "12 [9, ≥ 16]")),
        heatmap_figure(values, long),
    ):
        assert figure.paper is not None
        for part in figure.paper(3.25):
            assert boxes(part)[0]
        for part in (figure, *figure.paper(6.75)):
            assert part.get_size_inches()[0] <= 10
            assert overlaps(part) == []


def test_the_map_of_all_tasks_does_not_overlap(simulated: Callable[..., Frames]) -> None:
    labels = tuple(FIXED)[:9]
    values = everything(study(simulated(labels, seeds=1, sequences=8)).trained)
    assert overlaps(heatmap_figure(values, labels)) == []


TASKS = [
    "copy", "copy, free-running", "dyck", "listops[length=16]", "seq2seq_copy (copy)",
    "seq2seq_reverse (reverse, free-running)", "state_tracking[group=mod5]",
    "variables[length=32,values=8]",
]  # fmt: skip


@pytest.mark.parametrize("times", [1, 3, 6])
def test_in_a_map_of_many_tasks_names_are_whole_and_colours_can_be_read(times: int) -> None:
    labels = tuple(FIXED)[:5]
    tasks = [f"{task}{i or ''}" for i in range(times) for task in TASKS]
    values = pd.DataFrame(
        [
            {"scope": scope, "task": task, "label": label, "value": 0.5, "seeds": 1, "predictions": 99,
             "undefined": False}
            for scope in SCOPES for task in tasks for label in labels
        ]
    )  # fmt: skip
    figure = heatmap_figure(values, labels)
    assert figure.paper is not None
    for part in (figure, *figure.paper(3.25), *figure.paper(6.75)):
        assert part.get_size_inches()[1] < 8
        assert overlaps(part) == []
        found = [text for text, _ in boxes(part)[0]]
        assert {*tasks} <= {*found}
        # Each field has its number, or there is the bar of colours with its two ends.
        fields = found.count("0.50")
        assert (fields > 0) != ({"0", "1"} <= {*found})
        assert fields in (0, 5 * len(tasks), 10 * len(tasks))
    numbers = [text for text, _ in boxes(figure)[0] if text == "0.50"]
    assert (len(numbers) > 0) == (times < 6)


def test_what_overlaps_is_found() -> None:
    figure = Figure(figsize=(2, 1))
    for place, text in ((0.1, "one"), (0.15, "other"), (0.9, "outside")):
        figure.text(place, 0.5, text, size=8)
    assert overlaps(figure) == [("one", "other"), ("outside", "outside")]
