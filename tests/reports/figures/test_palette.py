"""The looks of labels: fixed for ever, unlike each other, and told apart by every eye on both pages."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable
from importlib.resources import files

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from posharness.contracts import Frames
from posharness.registry.registry import Registry
from posharness_reports import posharness_claims
from posharness_reports.figures.heatmap import draw_fields
from posharness_reports.figures.palette import (
    COLOURS,
    DARK,
    DARK_NAMES,
    DARK_SHADES,
    FIXED,
    NAMES,
    SHADES,
    Look,
    looks,
    looks_in_order,
)
from posharness_reports.figures.panels import Panel, one_panel_each, side_by_side
from posharness_reports.figures.theme import GHOST, GRID, INK, MUTED, RC, SURFACE, VARIABLES
from posharness_reports.sections.claims.figure import claim_figure
from posharness_reports.sections.claims.verdicts import judge_claims
from posharness_reports.study import study

# Machado, Oliveira & Fernandes 2009, table 1, severity 1: none, protanopia, deuteranopia, tritanopia.
BLINDNESS = [
    np.eye(3),
    np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
]


def _linear(colour: str) -> np.ndarray:
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def _lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
    f = np.cbrt(to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.0888])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _luminance(colour: str) -> float:
    return float(_linear(colour) @ [0.2126, 0.7152, 0.0722])


def _contrast(one: str, other: str) -> float:
    low, high = sorted(_luminance(colour) + 0.05 for colour in (one, other))
    return high / low


@pytest.mark.parametrize(("colours", "page"), [(COLOURS, SURFACE), (DARK, VARIABLES["surface"][1])])
def test_colours_differ_to_every_eye_and_stand_out_from_the_page(colours: tuple[str, ...], page: str) -> None:
    for matrix in BLINDNESS:
        seen = [_lab(matrix @ _linear(colour)) for colour in colours]
        assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 16
    assert min(_contrast(colour, page) for colour in colours) >= 3


STYLE = (files("posharness_reports") / "templates" / "style.css").read_text(encoding="utf-8")
WRITTEN = {*re.findall(r"(?<![-\w])color:\s*var\(--([\w-]+)\)", STYLE)} - {"surface"}
"""The variables of the page's letters; those on a sign or a mark have the colour of the page."""


def _mixed(colour: str, other: str, share: float) -> str:
    return to_hex([share * a + (1 - share) * b for a, b in zip(to_rgb(colour), to_rgb(other), strict=True)])


@pytest.mark.parametrize("side", [0, 1])
def test_text_of_the_page_can_be_read(side: int) -> None:
    ink, page = (VARIABLES[name][side] for name in ("ink", "surface"))
    share = re.search(r"--panel: color-mix\(in srgb, var\(--ink\) (\d+)%, var\(--surface\)\)", STYLE)
    assert share is not None
    assert {"accent", "bad", "good", "ink", "muted"} == WRITTEN
    for role in WRITTEN:
        for behind in (page, _mixed(ink, page, int(share[1]) / 100)):
            assert _contrast(VARIABLES[role][side], behind) >= 4.5, role


@pytest.mark.parametrize("side", [0, 1])
def test_text_of_figures_can_be_read(side: int, simulated: Callable[..., Frames]) -> None:
    """The colours of all letters, taken from the SVG: names of lines and panels, ticks, titles."""
    shown = {light.lower(): pair[side] for pair in VARIABLES.values() for light in pair[:1]}
    lines = pd.DataFrame([{"label": label, "x": x, "y": 0.5} for label in FIXED for x in (1.0, 2.0)])
    panel = Panel("copy", lines, "distance", "accuracy", chance=pd.DataFrame({"x": [1.0, 2.0], "y": 0.1}))
    claims = [claim() for claim in posharness_claims()]
    judged = judge_claims(study(simulated(seeds=3, sequences=12, tasks=("copy",)), claims))
    with mpl.rc_context(RC):
        (chart,) = claim_figure(judged).values()
        figures = [side_by_side([[panel]], looks(FIXED)), one_panel_each(panel, looks(FIXED), [*FIXED])]
        written = io.StringIO()
        for figure in (*figures, chart.figure):
            figure.savefig(written, format="svg")
    found = {
        re.search(r"fill: (#\w+)", style)[1].lower()  # type: ignore[index]
        for style in re.findall(r'<text style="([^"]*)"', written.getvalue())
    }
    assert {name.lower() for name in NAMES} <= found
    for colour in found:
        assert _contrast(shown[colour], VARIABLES["surface"][side]) >= 4.5, colour


def test_numbers_and_dots_on_the_fields_of_a_map_can_be_read() -> None:
    """On fields of all values. A field keeps its colour on a dark page, and so must what is written on it."""
    table = pd.DataFrame([np.linspace(0, 1, 201)])
    axes = Figure().add_subplot()
    draw_fields(axes, table, table.map("{:.2f}".format), np.ones(table.shape, bool))
    mesh, dots = axes.collections
    fields = [to_hex(colour) for colour in np.asarray(mesh.get_facecolor())]
    assert len(fields) == len(axes.texts) == len(dots.get_facecolor()) == 201
    marks = [text.get_color() for text in axes.texts], map(to_hex, dots.get_facecolor())
    for field, *written in zip(fields, *marks, strict=True):
        for colour in written:
            assert _contrast(colour, field) >= 4.5, (field, colour)
            assert colour.lower() not in {light.lower() for light, _ in VARIABLES.values()}


def test_names_keep_the_hue_of_their_lines() -> None:
    for colours, names in ((COLOURS, NAMES), (DARK, DARK_NAMES)):
        for pair in zip(colours, names, strict=True):
            one, other = (np.arctan2(*_lab(_linear(colour))[:0:-1]) for colour in pair)
            assert abs((one - other + np.pi) % (2 * np.pi) - np.pi) < np.radians(12), pair


def test_no_series_has_a_colour_of_the_page() -> None:
    roles = [light for name, (light, _) in VARIABLES.items() if not name.startswith("series-")]
    assert {SURFACE, INK, MUTED, GRID, GHOST} <= set(roles)
    every = [colour.lower() for colour in (*COLOURS, *roles)]
    assert len(set(every)) == len(every)


def test_every_built_in_encoding_has_a_look_of_its_own() -> None:
    built_in = {entry.plugin.name for entry in Registry.load().encodings.entries}
    assert built_in == set(FIXED), "add the new encoding to FIXED; change none of the others"
    for (one, a), (other, b) in itertools.combinations(FIXED.items(), 2):
        assert sum(x != y for x, y in zip(a, b, strict=True)) >= 2, (one, other)


def test_published_looks_stay() -> None:
    found = looks(FIXED)
    assert found["relative"] == Look("#2A46B2", "o", "")
    assert found["absolute"] == Look("#880402", "s", (4, 1.5))
    assert found["rope"] == Look("#BF67EA", "D", "")
    assert looks(["mine"])["mine"] == Look("#A48C0B", "p", (5, 1.5, 1, 1.5))


REPORTS = st.lists(
    st.sampled_from([*FIXED, "mine", "decay", "rope[base=100]", "relative · additive"]), min_size=1
)


@given(REPORTS, REPORTS)
def test_a_label_looks_the_same_in_reports_with_other_encodings(one: list[str], other: list[str]) -> None:
    here, there = looks(one), looks(other)
    assert all(here[label] == there[label] for label in set(one) & set(other))


@given(st.sets(st.text(min_size=1), max_size=100))
def test_no_two_labels_of_a_report_look_alike(labels: set[str]) -> None:
    assert len({(look.colour, look.marker) for look in looks({*labels, *FIXED}).values()}) == len(
        labels | set(FIXED)
    )


def test_labels_without_end_still_have_looks() -> None:
    assert len(looks(f"{i}" for i in range(400))) == 400


def test_heads_and_layers_that_are_neighbours_are_unlike() -> None:
    found = list(looks_in_order(f"{i:02}" for i in range(24)).values())
    assert len({(look.colour, look.dashes) for look in found}) == 24
    assert all(one.colour != other.colour for one, other in itertools.pairwise(found))
    for shades, page in ((SHADES, SURFACE), (DARK_SHADES, VARIABLES["surface"][1])):
        assert not {*shades} & {*COLOURS, *DARK}
        assert min(_contrast(shade, page) for shade in shades) >= 3
