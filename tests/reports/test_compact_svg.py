"""The SVG of a page is small, and looks the same as the file beside it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from posharness_reports.compile.compact_svg import with_shared_style
from posharness_reports.compile.paths import number, parse, written
from posharness_reports.compile.svg import inline
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.figures.theme import GRID, INK, RC, SURFACE
from posharness_reports.publish.index_page import index_page
from tests.reports.browser import CHROMIUM, Browser

SIZE = (6, 4)


def _saved(figure: Figure) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


@pytest.fixture(scope="module")
def file() -> str:
    """A figure of lines, markers, areas, fields, an image, texts and a clip, as matplotlib writes it."""
    rng = np.random.default_rng(0)
    with mpl.rc_context({**RC, "svg.hashsalt": "a"}):
        figure = ReadableFigure(*SIZE)
        one, two, three, four = figure.subplots(2, 2).flat
        for i, marker in enumerate("osP^"):
            (line,) = one.plot(range(8), rng.random(8) + i, marker=marker, markeredgecolor=SURFACE)
            figure.belongs(line, f"label {i}")
            band = one.fill_between(range(8), i, i + rng.random(8), alpha=0.16, lw=0)
            figure.belongs(band, f"label {i}")
        # Areas that lie over each other: their order is seen.
        for i in range(6):
            two.fill([i, i + 2, i + 1], [0, 0.2, 1 + i], color=f"C{i % 2}")
            two.plot([0, 8], [i, 6 - i], color=f"C{i % 3}", lw=4)
        two.text(2, 4, "$x^2$ of 3", parse_math=True)
        two.set(title="1.23456 & <b>", ylabel="turned", xlim=(1, 6))  # more than is seen
        figure.belong(three.scatter(rng.random(30), rng.random(30), s=90, alpha=0.6), ["a", "b", "c"] * 10)
        three.imshow(rng.random((3, 4)), extent=(0, 0.5, 0, 0.5), aspect="auto", interpolation="none")
        three.set(xlim=(0, 1), ylim=(0, 1))
        fields = np.ma.masked_less(rng.integers(0, 9, (6, 9)), 1)
        four.pcolormesh(fields, edgecolor=SURFACE, linewidths=0.6)
        for (row, column), value in np.ndenumerate(fields):
            four.text(column + 0.5, row + 0.5, f".{value}", color=("w", INK)[int(row) % 2], ha="center")
        four.axhline(3, color=GRID, lw=3)
        return _saved(figure)


def _picture(browser: Browser, body: str, folder: Path, style: str = "") -> NDArray[np.int64]:
    """What a page shows that has only this drawing, in the font of the file."""
    width, height = (round(144 * inches) for inches in SIZE)
    rules = re.search("<style>(.*?)</style>", index_page([]).decode(), re.DOTALL)
    assert rules is not None
    drawing = re.sub(
        r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", rf'<svg \1 style="width:{width}px">', body, count=1
    )
    looks = (
        rules[1]
        + ":root{--sans:'DejaVu Sans'} body{margin:0;padding:0;max-width:none} svg{max-width:none!important}"
    )
    (folder / "page.html").write_text(
        f"<!doctype html><meta charset=utf-8><style>{looks}{style}</style><div class=canvas>{drawing}</div>"
    )
    with browser.tab((folder / "page.html").as_uri(), width=width, height=height) as tab:
        written = io.BytesIO(tab.picture())
    with Image.open(written) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)")
def test_the_page_shows_what_the_file_shows(file: str, tmp_path: Path) -> None:
    style, drawings = with_shared_style({"a": inline(file, alt="a < b", scope="f1", readable=True)})
    with Browser(tmp_path / "profile") as browser:
        theirs = _picture(browser, file[file.index("<svg") :], tmp_path)
        ours = _picture(browser, drawings["a"], tmp_path, style)
    assert (theirs != 255).any(axis=2).mean() > 0.2
    differences = np.abs(ours - theirs).max(axis=2)
    # Of texts and edges, pixels are shaded otherwise.
    assert (differences > 60).mean() < 0.0015
    # No field of 8 by 8 pixels, and so no marker, has another colour.
    rows, columns = (8 * (n // 8) for n in differences.shape)
    fields = differences[:rows, :columns].reshape(rows // 8, 8, columns // 8, 8).mean(axis=(1, 3))
    assert fields.max() < 32


def test_it_is_smaller_and_its_names_are_its_own(file: str) -> None:
    one, two = (inline(file, alt="a", scope=scope, readable=True) for scope in ("f1", "f2"))
    assert len(one) < 0.25 * len(file)
    assert one.count("<") < 0.4 * file.count("<")
    names = [set(re.findall(r' id="([^"]+)"', each)) for each in (one, two)]
    assert names[0]
    assert not names[0] & names[1]
    assert names[0] == set(re.findall(r"url\(#([^)]+)\)", one))
    style, drawings = with_shared_style({"one": one, "two": two})
    assert "<style>" not in "".join(drawings.values())
    used = set(re.findall(r' class="(\w+)"', "".join(drawings.values())))
    assert used == set(re.findall(r"\.canvas \.(\w+){", style))


def test_texts_and_the_parts_of_labels_are_whole(file: str) -> None:
    page = ElementTree.fromstring(inline(file, alt="a", scope="f1", readable=True))
    source = ElementTree.fromstring(file)
    assert sorted(_texts(page)) == sorted(_texts(source))
    assert {"1.23456&<b>", "x2of3"} <= set(_texts(page))
    assert len([group for group in page.iter() if group.get("data-s")]) == 8
    (parts,) = (group for group in page.iter() if group.get("data-parts"))
    (drawn,) = (group for group in source.iter() if group.get("id") == "parts-0")
    places = [(each.get("cx"), each.get("cy")) for each in parts.iter() if each.tag.endswith("circle")]
    uses = [each for each in drawn.iter() if each.tag.endswith("use")]
    # In their order: the page hides them by their number.
    assert places == [tuple(number(float(each.get(key, "")), 1) for key in "xy") for each in uses]


def _texts(tree: ElementTree.Element) -> Iterator[str]:
    return ("".join("".join(each.itertext()).split()) for each in tree.iter() if each.tag.endswith("text"))


PLACES = st.floats(-900, 900).map(lambda value: round(value, 4))


@given(
    st.lists(st.tuples(st.sampled_from("LQC"), st.lists(PLACES, min_size=6, max_size=6)), max_size=9),
    st.booleans(),
)
def test_a_path_is_written_shorter_and_its_points_are_where_they_were(
    commands: list[tuple[str, list[float]]], closed: bool
) -> None:
    counts = {"L": 2, "Q": 4, "C": 6}
    parts = [f"{name} {' '.join(map(str, numbers[: counts[name]]))}" for name, numbers in commands]
    text = " ".join(["M 1.25 -3", *parts, *(["z"] if closed else [])])
    path = parse(text)
    assert path is not None
    short = written([path], 1)
    assert len(short) <= len(text)
    points = [point for command, own in path if command != "M" for point in own]
    ours = _followed(short)
    if points and not (closed or points[-1] == (1.25, -3.0)):
        assert ours[-1] == pytest.approx(points[-1], abs=0.0501)
    for point in ours:
        assert min(abs(point[0] - x) + abs(point[1] - y) for x, y in [(1.25, -3.0), *points]) < 0.11


def _followed(text: str) -> list[tuple[float, float]]:
    """The points of a path of relative commands, by the grammar of SVG."""
    x = y = 0.0
    points = []
    for command, rest in re.findall(r"([Mmhvlqcz])([^Mmhvlqcz]*)", text):
        numbers = [float(each) for each in re.findall(r"-?(?:\d+\.\d+|\.\d+|\d+)", rest)]
        if command in "hv":
            numbers = [
                each for value in numbers for each in ((value, 0.0) if command == "h" else (0.0, value))
            ]
        step = {"q": 4, "c": 6}.get(command, 2)
        for i in range(0, len(numbers), step):
            pairs = list(zip(numbers[i : i + step : 2], numbers[i + 1 : i + step : 2], strict=True))
            placed = [(x + dx, y + dy) for dx, dy in pairs]
            points += placed
            x, y = placed[-1]
    return points


def test_negative_numbers_have_the_minus_sign_of_the_page() -> None:
    figure = Figure()
    for text in ("-0.50", "8-15", "-named", "key - query in tokens"):
        figure.text(0.5, 0.5, text)
    written = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(written, format="svg")
    page = inline(written.getvalue(), alt="a", scope="f1")
    assert re.findall(r">([^<]+)</text>", page) == ["−0.50", "8-15", "-named", "key − query in tokens"]
