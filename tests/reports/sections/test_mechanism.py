"""What is shown of a trained model's positions: exact distances, one seed's lines, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames
from posharness_reports import posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.data.prepare import prepare
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.sections.mechanism import Mechanism
from posharness_reports.sections.mechanism.attended_distance import across_seeds, attended_distances, by_layer
from posharness_reports.sections.mechanism.content import of_one_seed, with_effect
from posharness_reports.sections.mechanism.score_figures import score_figures
from posharness_reports.sections.mechanism.score_image import columns
from posharness_reports.study import study
from tests.reports.attention import weights, with_attention

Simulate = Callable[..., Frames]


@pytest.mark.parametrize("causal", [True, False])
def test_mean_attended_distance_is_that_of_the_weights(simulated: Simulate, causal: bool) -> None:
    task, n = ("copy" if causal else "bert"), 11
    frames = with_attention(simulated(("relative",), tasks=(task,), seeds=1), n, layers=1)
    found = attended_distances(prepare(frames).mechanism).set_index("head")
    far = np.abs(np.arange(n) - np.arange(n)[:, None])
    for head in range(3):
        expected = (weights(n, 0.3 * head, causal) * far).sum(1).mean()
        assert found.loc[head, "attended"] == pytest.approx(expected)
    # The first head weighs all that it sees alike.
    assert found.loc[0, "uniform"] == pytest.approx(found.loc[0, "attended"])
    assert list(found["rank"]) == [3, 2, 1]


def test_seeds_are_averaged_by_rank_since_heads_do_not_correspond(simulated: Simulate) -> None:
    frames = with_attention(simulated(tasks=("copy",), seeds=3))
    ranked = across_seeds(attended_distances(prepare(frames).mechanism))
    assert set(ranked["seeds"]) == {3}
    np.testing.assert_allclose(ranked["low"], ranked["high"])
    assert (ranked.groupby(["label", "layer"])["attended"].diff().dropna() > 0).all()


def test_the_table_has_a_column_for_each_layer_of_each_stack(simulated: Simulate) -> None:
    frames = with_attention(simulated(tasks=("copy",)), stacks=("encoder", "decoder"))
    table = by_layer(across_seeds(attended_distances(prepare(frames).mechanism)))
    assert list(table)[3:] == [
        *("decoder layer 0", "decoder layer 1", "encoder layer 0", "encoder layer 1"),
        "equal weights",
    ]
    assert table["encoding"].tolist() == ["absolute", "relative"]


def test_only_cells_that_count_are_read_under_the_name_of_their_task(simulated: Simulate) -> None:
    once = with_attention(simulated(tasks=("copy",), seeds=1))
    first = once.cells.iloc[[0]]
    again = first.assign(cell="f", started="2026-02-01T00:00:00Z")
    unlike = first.assign(cell="e", body="encoder")
    cells = pd.concat([once.cells, again, unlike], ignore_index=True)
    ready = prepare(replace(once, cells=cells))
    assert set(ready.mechanism["cell"]) == set(once.cells["cell"][1:])
    assert set(ready.mechanism["task"]) == {"copy (decoder)"}


def test_lines_are_of_the_lowest_seed_and_of_encodings_that_act_on_scores(simulated: Simulate) -> None:
    frames = with_attention(simulated(tasks=("copy",), seeds=2))
    silent = frames.mechanism["label"] == "absolute"
    mechanism = frames.mechanism.assign(effect=frames.mechanism["effect"].mask(silent))
    ready = study(replace(frames, mechanism=mechanism))
    ((caption, chart),) = score_figures(of_one_seed(with_effect(ready.mechanism))).items()
    figure = chart.figure
    assert "One seed only (0)" in caption
    assert [axes.get_title() for axes in figure.axes] == ["relative, layer 0", "relative, layer 1"]
    # Three heads, a collection each.
    assert [len(axes.collections) for axes in figure.axes] == [3, 3]
    section = Mechanism().build(ready)
    assert section is not None
    assert "absolute changes no attention score." in section.prose


@pytest.mark.parametrize("labels", [2, 12, 13])
def test_what_is_added_can_be_read_at_some_distances_of_every_head(simulated: Simulate, labels: int) -> None:
    names = tuple(f"e{i:02d}" for i in range(labels))
    frames = with_attention(simulated(names, tasks=("copy",), seeds=1, sequences=4), n=40)
    rows = of_one_seed(with_effect(study(frames).mechanism))
    (chart,) = score_figures(rows).values()
    figure = chart.figure
    assert isinstance(figure, ReadableFigure)
    known = {
        (str(row.label), f"layer {row.layer}, head {row.head}", row.distance): row.effect
        for row in rows.itertuples()
    }
    read = {}
    for panel in figure.panels:
        layer = panel["heading"].partition(", ")[2]
        for series, column, value, line in panel["points"]:
            name = panel["lines"][line]
            head = f"{layer}, {name}" if labels == 2 else name
            distance = int(panel["ticks"][column].replace("−", "-"))
            read[figure.series[series], head, distance] = value
    assert all(value == pytest.approx(known[place], abs=1e-4) for place, value in read.items())
    assert {place[:2] for place in read} == {place[:2] for place in known}
    assert {0, -1, -2, -32} <= {distance for *_, distance in read}
    assert len(read) < 0.5 * len(known)


def test_the_rows_of_an_image_are_read_where_they_are_drawn(simulated: Simulate) -> None:
    names = tuple(f"e{i:02d}" for i in range(13))
    ready = study(with_attention(simulated(names, tasks=("copy",), seeds=1, sequences=4)))
    rows = of_one_seed(with_effect(ready.mechanism))
    (chart,) = score_figures(rows).values()
    figure = chart.figure
    assert isinstance(figure, ReadableFigure)
    (panel,), (axes,) = figure.panels, figure.axes
    (image,) = axes.get_images()
    height, least = 72 * figure.get_size_inches()[1], rows["effect"].min()
    assert len(panel["points"]) > len(names)
    for series, column, value, line in panel["points"]:
        top, bottom = panel["rows"][f"{series}.{line}"]
        place = np.array([panel["xs"][column], height - (top + bottom) / 2]) * figure.dpi / 72
        x, y = axes.transData.inverted().transform(place)
        drawn = float(np.asarray(image.get_array())[round(y), round(x)])
        assert drawn == pytest.approx(1 - value / least, abs=1e-3)


def test_attention_without_weights_is_named_and_left_out(simulated: Simulate) -> None:
    frames = with_attention(simulated(tasks=("copy",)))
    section = Mechanism().build(replace(frames, mechanism=frames.mechanism.assign(weight=np.nan)))
    assert section is not None
    assert "absolute and relative have no attention weights" in section.prose
    assert len(section.figures) == 1
    assert not section.tables


def test_nothing_is_said_where_nothing_was_read_off(frames: Frames) -> None:
    assert Mechanism().build(frames) is None
    empty = with_attention(frames).mechanism.assign(effect=np.nan, weight=np.nan)
    assert Mechanism().build(replace(frames, mechanism=empty)) is None


@pytest.mark.parametrize("stacks", [("",), ("encoder", "decoder")])
def test_many_encodings_get_one_panel_each(simulated: Simulate, stacks: tuple[str, ...]) -> None:
    labels = tuple(f"e{i:02d}" for i in range(12))
    ready = study(with_attention(simulated(labels, tasks=("copy",), seeds=1, sequences=4), stacks=stacks))
    (chart,) = score_figures(of_one_seed(with_effect(ready.mechanism))).values()
    figure = chart.figure
    assert [axes.get_title() for axes in figure.axes] == list(labels)
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == [f"{stack} layer {n}".strip() for stack in sorted(stacks) for n in range(2)]


def test_more_than_a_dozen_encodings_are_rows_of_one_image(simulated: Simulate) -> None:
    labels = tuple(f"e{i:02d}" for i in range(13))
    stacks = ("encoder", "decoder")
    ready = study(with_attention(simulated(labels, tasks=("copy",), seeds=1, sequences=4), stacks=stacks))
    effects = of_one_seed(with_effect(ready.mechanism))
    ((caption, chart),) = score_figures(effects).items()
    figure = chart.figure
    assert "One line of colours per head" in caption
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == list(labels)
    (image,) = axes.get_images()
    values = np.asarray(image.get_array())
    places = effects.groupby(["label", "stack", "layer", "head"], observed=True).ngroups
    assert values.shape == (places, len(columns(effects["distance"])))
    of_label = values.reshape(len(labels), -1)
    assert np.nanmin(of_label, axis=1) == pytest.approx(np.zeros(len(labels)))
    assert np.nanmax(of_label, axis=1) == pytest.approx(np.ones(len(labels)))
    first = effects[(effects["label"] == "e00") & (effects["stack"] == "decoder")]
    head = first[(first["layer"] == 0) & (first["head"] == first["head"].min())].set_index("distance")[
        "effect"
    ]
    shown = columns(effects["distance"])
    assert np.corrcoef(values[0], head.reindex(shown))[0, 1] == pytest.approx(1)


def test_an_image_has_every_near_distance_and_few_far_ones() -> None:
    shown = columns(pd.Series(range(-4095, 4096)))
    assert {*range(-16, 17), -4, 64, -256, 1024} <= set(shown)
    assert shown == sorted(shown)
    assert len(shown) == 33 + 2 * 8 * 8
    assert len(columns(pd.Series(range(-8191, 1)))) == 17 + 8 * 9


def test_a_report_holds_the_section(simulated: Simulate, tmp_path: Path) -> None:
    frames = with_attention(simulated(tasks=("copy", "bert"), sequences=8), stacks=("encoder", "decoder"))
    sections = [section() for section in posharness_report_sections()]
    made = HtmlCompiler().compile(frames, sections, title="Mechanism", folder=tmp_path / "r")
    about = json.loads((made.parent / "report.json").read_text(encoding="utf-8"))
    assert {"title": "What positions do to attention", "failure": ""} in about["sections"]
    assert {"mechanism-score-by-distance-bert", "mechanism-attended-distance-copy"} <= set(about["figures"])
    assert {"mean-attended-distance-by-layer", "mean-attended-distance-every-head"} <= set(about["tables"])
