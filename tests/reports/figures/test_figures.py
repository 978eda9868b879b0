"""Figures: what stands in them, apart from each other, and whether it can be told apart."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from posharness.contracts import Frames
from posharness_reports.figures.accuracy import dependency_figures, evaluation_figures
from posharness_reports.figures.learning import learning_figures
from posharness_reports.figures.line_labels import spread
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import Panel, behind, log_spaced, one_panel_each, side_by_side
from posharness_reports.figures.theme import RC
from posharness_reports.study import study
from posharness_reports.tables.accuracy import summary

Simulate = Callable[..., Frames]


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title]]


def _drawn(figure: Figure) -> bytes:
    written = io.BytesIO()
    with mpl.rc_context(RC):
        figure.savefig(written, format="png", dpi=40)
    return written.getvalue()


def test_dependency_figure_names_lines_and_chance_and_has_dots_and_bands(frames: Frames) -> None:
    ready = study(frames)
    ((caption, chart),) = dependency_figures(ready.by_distance, ready.cells).items()
    figure = chart.figure
    assert "Mean over 1–2 seeds" in caption
    assert "with one seed, by its sequences only" in caption
    assert "across seeds (Student's t)" in caption
    assert [axes.get_title("left") or axes.get_title() for axes in figure.axes].count("bert (mlm)") == 1
    texts = _texts(figure)
    assert (
        texts.count("relative") == texts.count("absolute") == texts.count("chance") == len(figure.axes) == 5
    )
    recall = next(axes for axes in figure.axes if "offset_recall" in axes.get_title())
    assert recall.get_xscale() == "log"
    assert [label.get_text() for label in recall.get_xticklabels()] == ["1", "2", "4", "8", "12", "16"]
    dots = sum(
        len(points.get_offsets())
        for points in recall.collections
        if points.get_paths()[0].codes is not None and len(points.get_offsets()) > 1
    )
    assert dots == 2 * 2 * 6
    assert _drawn(figure)


def test_spans_and_distances_never_share_a_figure(frames: Frames) -> None:
    cells = frames.cells.assign(
        distance=frames.cells["task"].map(lambda task: "span" if task == "copy" else "dependency")
    )
    ready = study(replace(frames, cells=cells))
    figures = dependency_figures(ready.by_distance, ready.cells)
    titles = [{axes.get_title() for axes in chart.figure.axes} for chart in figures.values()]
    assert titles == [{"bert (mlm)", "offset_recall"}, {"copy"}]
    assert "span of influence" in list(figures)[1]


def test_evaluation_figure_marks_the_training_length_and_what_is_undefined(simulated: Simulate) -> None:
    ready = study(simulated(("learned", "relative"), tasks=("copy", "bert"), sequences=16))
    ((caption, chart),) = evaluation_figures(*ready.by_length, ready.cells).items()
    figure = chart.figure
    assert "undefined at that length" in caption
    assert [axes.get_title() for axes in figure.axes] == ["copy"]
    assert "training length" in _texts(figure)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[96]]


def test_learning_figure_has_a_line_a_run(frames: Frames) -> None:
    ready = study(frames)
    ((_, chart),) = learning_figures(ready.curves, ready.cells).items()
    figure = chart.figure
    drawn = {(axes.get_title(), axes.get_ylabel()): len(axes.lines) for axes in figure.axes}
    assert drawn["copy", "training loss"] == 4
    assert drawn["bert (nsp)", "validation accuracy"] == 3


def test_many_encodings_get_a_map_and_a_panel_for_each_kind(simulated: Simulate) -> None:
    labels = ("rope", "yarn", "alibi", *(f"e{i:02d}" for i in range(13)))
    ready = study(simulated(labels, seeds=1, tasks=("copy",), sequences=12))
    captions = dependency_figures(ready.by_distance, ready.cells)
    heat, each = (
        next(chart.figure for c, chart in captions.items() if word in c)
        for word in ("all encodings", "by kind of encoding")
    )
    assert sorted(label.get_text() for label in heat.axes[0].get_yticklabels()) == sorted(labels)
    assert [axes.get_title() for axes in each.axes] == [
        *("rotations", "a bias by distance", "others", "others")
    ]
    named = [{text.get_text() for text in axes.texts} & set(labels) for axes in each.axes]
    assert named[:2] == [{"rope", "yarn"}, {"alibi"}]
    assert [len(names) for names in named] == [2, 1, 8, 5]
    (chart,) = learning_figures(ready.curves, ready.cells).values()
    learning = chart.figure
    assert sum(text in labels for text in _texts(learning)) == 2 * 8
    assert _drawn(heat)


def _of_many(labels: int) -> Panel:
    lines = [
        {"label": f"e{i:03}", "x": float(x), "y": i / labels} for i in range(labels) for x in (1, 2, 4, 8)
    ]
    return Panel(title="copy", lines=pd.DataFrame(lines), x_label="distance", y_label="accuracy")


@pytest.mark.parametrize(("labels", "drawn"), [(12, "Grey lines"), (13, "Grey area")])
def test_the_caption_says_what_is_grey(labels: int, drawn: str) -> None:
    panel, caption = behind(_of_many(labels))
    assert caption.startswith(drawn)
    assert panel.ghosts.empty == (drawn == "Grey area")
    assert panel.envelope.empty == (drawn == "Grey lines")


def test_the_grey_area_goes_from_the_lowest_to_the_highest_label() -> None:
    panel, _ = behind(_of_many(20))
    assert panel.envelope["x"].tolist() == [1, 2, 4, 8]
    assert (panel.envelope["low"] == 0).all()
    assert (panel.envelope["high"] == 19 / 20).all()


def test_a_figure_with_a_panel_per_label_grows_as_the_labels_do() -> None:
    def size(labels: int) -> int:
        panel, _ = behind(_of_many(labels))
        written = io.BytesIO()
        one_panel_each(panel, looks(panel.labels), panel.labels).savefig(written, format="svg")
        return len(written.getvalue())

    assert size(60) < 2.2 * size(30)


def test_no_figure_is_left_in_global_state(frames: Frames) -> None:
    before = dict(mpl.rcParams)
    ready = study(frames)
    learning_figures(ready.curves, ready.cells)
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_log_spacing_is_recognised() -> None:
    assert log_spaced([1, 2, 4, 8, 12, 16])
    assert log_spaced([32, 64, 128])
    assert not log_spaced([1, 2, 3, 4, 5, 6])
    assert not log_spaced([32, 48, 64])
    assert not log_spaced([0, 1, 10, 100])


@given(st.lists(st.floats(0, 3), min_size=1, max_size=12))
def test_names_of_lines_never_overlap_and_keep_their_order(wanted: list[float]) -> None:
    wanted = sorted(wanted)
    places = spread(wanted, 0.2, 3.0)
    assert (np.diff(places) >= 0.2 - 1e-6).all()
    assert len(places) == len(wanted)
    assert min(places) >= -1e-6
    assert max(places) <= 3 + 1e-6


def test_names_that_do_not_touch_stay_where_they_are() -> None:
    assert spread([0.1, 1.0, 2.9], 0.2, 3.0) == [0.1, 1.0, 2.9]


def test_figures_for_a_paper_leave_room_for_a_caption_of_four_lines() -> None:
    lines = pd.DataFrame({"label": ["rope", "rope"], "x": [1, 2], "y": [0.0, 1.0]})
    figure = side_by_side([[Panel("copy", lines, "distance", "accuracy")]] * 12, looks(["rope"]))
    assert figure.paper is not None
    for width in (3.25, 6.75):
        parts = figure.paper(width)
        assert sum(len(part.axes) for part in parts) == 12
        assert max(part.get_size_inches()[1] for part in parts) < 9 - 5 * 12 / 72


def test_a_map_says_the_reach_that_the_tables_say(simulated: Simulate) -> None:
    labels = tuple(f"e{i:02d}" for i in range(10))
    ready = study(simulated(labels, seeds=1, tasks=("copy",), sequences=12))
    heat = next(
        chart.figure
        for caption, chart in dependency_figures(ready.by_distance, ready.cells).items()
        if "all encodings" in caption
    )
    said = summary(ready)["reach"]
    assert any("[" in text or text == "not known" for text in said)
    assert set(said) <= set(_texts(heat))
