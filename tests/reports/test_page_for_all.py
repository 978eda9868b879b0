"""The page by touch and by keys, in other colours, without motion, and in windows of other sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames
from posharness_reports import posharness_claims
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.formatting import fraction, short_names, with_interval
from posharness_reports.sections.claims import Claims
from posharness_reports.sections.dependency_length import DependencyLength
from posharness_reports.sections.evaluation_length import EvaluationLength
from posharness_reports.sections.fairness import Fairness
from posharness_reports.sections.learning_curves import LearningCurves
from posharness_reports.sections.mechanism import Mechanism
from posharness_reports.sections.overview import Overview
from tests.reports.attention import with_attention
from tests.reports.browser import CHROMIUM, Browser, Tab, reading
from tests.reports.test_page import AXE

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)")

FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
LINES = "document.querySelector('[data-figure=dependency-length-lines]')"
MARK = """(() => {
  const box = document.querySelector(".pointer").getBoundingClientRect();
  return [box.left, box.top, box.right, box.bottom];
})()"""
BAR = "document.querySelector('form.view').getBoundingClientRect().top"


@pytest.fixture(scope="module")
def report(simulated: Callable[..., Frames], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with sections of all parts, whose figures have several panels."""
    frames = with_attention(simulated(seeds=3, sequences=12, tasks=("copy", "offset_recall")))
    claims = [claim() for claim in posharness_claims()]
    sections = [Claims(), DependencyLength(), EvaluationLength(), LearningCurves(), Mechanism(), Fairness()]
    folder = tmp_path_factory.mktemp("page") / "study"
    return HtmlCompiler().compile(frames, sections, claims=claims, title="A study", folder=folder)


@pytest.fixture
def tab(browser: Browser, report: Path) -> Iterator[Tab]:
    with browser.tab(report.as_uri()) as opened:
        yield opened
        assert opened.complaints == []


def show(tab: Tab, element: str) -> None:
    """Scroll to an element, and wait until it is drawn."""
    tab.run(f"{element}.scrollIntoView({{block: 'start', behavior: 'instant'}})")
    tab.run(FRAMES)


def scroll_to_the_end(tab: Tab) -> None:
    for _ in range(2):  # what is drawn for the first time may be higher than it was thought to be
        tab.run("scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
        tab.run(FRAMES)


def test_a_value_stays_when_the_finger_is_lifted(tab: Tab) -> None:
    tab.resize(380)
    tab.run(FRAMES)
    show(tab, LINES)
    left, top = tab.run(f"(() => {{ const b = {LINES}.getBoundingClientRect(); return [b.left, b.top] }})()")
    tab.touch((left + 120, top + 60))
    tab.run("new Promise((done) => setTimeout(done, 100))")
    assert "accuracy" in reading(tab)
    # A tap elsewhere, or a finger that scrolls, takes it away.
    tab.touch((left + 120, top - 20) if top > 40 else (5, top + 60))
    tab.run("new Promise((done) => setTimeout(done, 100))")
    assert reading(tab) == ""
    tab.touch((left + 120, top + 60))
    tab.run("new Promise((done) => setTimeout(done, 100))")
    assert reading(tab)
    tab.touch(*((left + 120, top + 400 - 20 * i) for i in range(10)))
    tab.run("new Promise((done) => setTimeout(done, 100))")
    assert reading(tab) == ""


@pytest.mark.parametrize("size", [(1280, 600), (1280, 800), (1440, 900)])
def test_the_list_of_sections_is_beside_them_and_whole(tab: Tab, size: tuple[int, int]) -> None:
    tab.resize(*size)
    tab.run(
        "document.querySelector('nav ol').append(...Array.from({length: 30}, (_, i) => {"
        "const made = document.createElement('li'); made.textContent = `section ${i}`; return made }))"
    )
    low = "document.querySelector('nav ol').getBoundingClientRect().bottom"
    show(tab, LINES)
    assert tab.run(low) <= tab.run(BAR)
    tab.run("document.querySelector('nav ol').scrollTo({top: 1e6, behavior: 'instant'})")
    assert tab.run("document.querySelector('nav li:last-child').getBoundingClientRect().bottom") <= tab.run(
        BAR
    )
    scroll_to_the_end(tab)
    assert tab.run(low) <= tab.run("document.querySelector('footer').getBoundingClientRect().top")


@pytest.mark.parametrize("width", [380, 1280])
def test_what_keys_read_is_in_the_window(tab: Tab, width: int) -> None:
    tab.resize(width, 600)
    tab.run(FRAMES)
    for canvas in (LINES, "document.querySelector('.first .canvas')"):
        show(tab, canvas)
        tab.run(f"{canvas}.focus()")
        tab.press("Home")
        read = []
        for key in ["PageDown"] * 4 + ["ArrowRight"] * 8 + ["PageUp"] * 4:
            tab.press(key)
            read.append(reading(tab))
            left, top, right, bottom = tab.run(MARK)
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= tab.run(BAR)
            assert tab.run("document.querySelector('#reading').getBoundingClientRect().bottom") <= tab.run(
                BAR
            )
        assert len(set(read)) > 3
    # What has been read goes with its mark.
    scroll_to_the_end(tab)
    assert reading(tab) == ""
    tab.run(f"{canvas}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    tab.run(FRAMES)
    assert reading(tab) == read[-1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_in_examples_are_seen_where_colours_are_forced(tab: Tab, scheme: str) -> None:
    tab.media(scheme=scheme, forced_colors="active")
    found: list[list[Any]] = tab.run(
        """["source", "place"].map((name) => {
          const mark = document.createElement("mark");
          mark.className = name;
          const section = document.createElement("section");
          section.id = "examples";
          section.append(mark);
          document.querySelector("main").append(section);
          const { color, backgroundColor, outlineStyle, outlineColor } = getComputedStyle(mark);
          return [color, backgroundColor, outlineStyle, outlineColor];
        })"""
    )
    ink, paper = tab.run(
        "(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))"
    )
    assert ink != paper
    assert found == [[ink, paper, "solid", ink], [ink, paper, "double", ink]]


ARRANGED = """[...document.querySelectorAll(".canvas svg")].map((svg) => {
  const { width, height } = svg.getBoundingClientRect();
  return [svg.parentElement.className, svg.getAttribute("viewBox"), Math.round(width), Math.round(height)];
})"""


@pytest.mark.parametrize(("before", "after"), [(320, 600), (600, 320), (380, 640), (640, 380)])
def test_a_phone_that_is_turned_arranges_figures_anew(
    browser: Browser, report: Path, before: int, after: int
) -> None:
    with browser.tab(report.as_uri(), width=after) as tab:
        tab.run(FRAMES)
        fresh = tab.run(ARRANGED)
    with browser.tab(report.as_uri(), width=before) as tab:
        tab.run(FRAMES)
        assert tab.run(ARRANGED) != fresh
        tab.resize(after)
        tab.run(FRAMES)
        tab.run(FRAMES)
        assert tab.run(ARRANGED) == fresh


def test_what_has_the_focus_is_above_the_bar(tab: Tab) -> None:
    tab.media(prefers_reduced_motion="reduce")
    seen = set()
    for _ in range(60):
        tab.press("Tab")
        tab.run(FRAMES)
        name, top, bottom = tab.run(
            "(() => { const e = document.activeElement, b = e.getBoundingClientRect();"
            "return [e.closest('form.view') ? '' : e.textContent || e.className, b.top, b.bottom] })()"
        )
        if name:
            assert bottom <= tab.run(BAR) or top <= 0 or bottom - top > 500, name
            seen.add(name)
    assert len(seen) > 20


def test_pages_scroll_at_once_where_motion_is_to_be_reduced(tab: Tab) -> None:
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert tab.run(behaviour) == "smooth"
    tab.media(prefers_reduced_motion="reduce")
    assert tab.run(behaviour) == "auto"


VALUES = (
    *(
        (0.125, 0.375, 0.625),
        (0.68497, 0.684949999, 0.685),
        (0.00003, 0.0002, 0.005),
        (0.00096, 0.000096, 0.9999),
    ),
    *((0.005, 0.015, 0.995), (-0.0004, -0.125, 1e-12), (0.00049, 0.0005, 0.0015), (0.0005, -1e-12, 0.0625)),
)
"""Means with intervals: halves, what rounds to a half, and what is smaller than its digits."""


def in_block(rows: pd.DataFrame) -> list[list[float]]:
    """What the page is given of points."""
    figure = ReadableFigure(4, 3)
    columns = rows.assign(label="a", x=range(len(rows)))
    axes = figure.add_subplot()
    none = pd.DataFrame({"x": [], "y": []})
    figure.read_points(axes, "", ("x", "y"), columns, {}, chance=none, chance_name="", bands=False)
    plt.close("all")
    points: list[list[float]] = [point[2:] for point in figure.panels[0]["points"]]
    return points


def test_a_page_is_given_what_is_written_as_the_number_itself() -> None:
    rng = np.random.default_rng(0)
    near_halves = rng.integers(-1000, 1000, 300) / 1000 + rng.uniform(-1, 1, 300) * 10.0 ** -rng.integers(
        4, 17, 300
    )
    values = np.concatenate([near_halves, rng.uniform(-1, 1, 300)])
    for value, (found,) in zip(values, in_block(pd.DataFrame({"y": values})), strict=True):
        assert [fraction(found), f"{found:.3f}"] == [fraction(value), f"{value:.3f}"]


def test_a_page_reads_numbers_as_tables_write_them(report: Path, browser: Browser) -> None:
    text = report.read_text("utf-8")
    rows = in_block(pd.DataFrame(VALUES, columns=["y", "low", "high"]))
    head, start, rest = text.partition('<script type="application/json" id="data">')
    block, end, tail = rest.partition("</script>")
    data = json.loads(block)
    panel = data["figures"]["dependency-length-lines"]["panels"][0]
    panel |= {"ticks": list(map(str, range(len(rows)))), "read": ["y", "low", "high"], "chance": {}}
    panel["xs"] = [panel["box"][0] + 10 * i for i in range(len(rows))]
    panel["points"] = [[0, i, *row] for i, row in enumerate(rows)]
    page = report.with_name("numbers.html")
    page.write_text(head + start + json.dumps(data).replace("<", "\\u003c") + end + tail, encoding="utf-8")
    with browser.tab(page.as_uri()) as tab:
        show(tab, LINES)
        tab.run(f"{LINES}.focus()")
        for key, values in zip(("Home", *["ArrowRight"] * len(VALUES)), VALUES, strict=False):
            tab.press(key)
            assert reading(tab).splitlines()[-1] == f"accuracy {with_interval(*values)}"


def test_each_figure_has_a_name_of_its_own(tab: Tab) -> None:
    names: list[str] = tab.run("[...document.querySelectorAll('.canvas')].map((each) => each.ariaLabel)")
    assert len(set(names)) == len(names) > 5
    assert any(name.startswith("Figure accuracy by distance.") for name in names)


def test_axe_finds_nothing_in_any_section(tab: Tab) -> None:
    tab.run("document.querySelectorAll('details').forEach((details) => { details.open = true })")
    tab.run(AXE.read_text(encoding="utf-8") + ";0")
    found = tab.run(
        "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map((each) => "
        "[each.id, each.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))]))"
    )
    assert found == []


def test_headings_of_numbers_are_above_them(tab: Tab) -> None:
    aligned: list[list[str]] = tab.run(
        """[...document.querySelectorAll("details.table table")].flatMap((table) => {
          table.closest("details").open = true;
          const cells = [...(table.tBodies[0].rows[0]?.cells ?? [])];
          return cells.map((cell, i) => [cell, table.tHead.rows[0].cells[i].firstChild]
            .map((each) => getComputedStyle(each).textAlign.replace("start", "left")));
        })"""
    )
    assert {tuple(each) for each in aligned} == {("left", "left"), ("right", "right")}


def test_a_hidden_encoding_has_no_column(
    simulated: Callable[..., Frames], browser: Browser, tmp_path: Path
) -> None:
    # A table of cells has columns for encodings where these are fewer than tasks.
    frames = simulated(seeds=1, sequences=8)
    page = HtmlCompiler().compile(frames, [Overview()], title="A", folder=tmp_path / "study")
    column = """[...document.querySelectorAll("th")].filter((th) => th.textContent === "absolute")
      .flatMap((th) => [th, ...[...th.closest("table").tBodies[0].rows].map((row) => row.cells[th.cellIndex])]
        .map((cell) => getComputedStyle(cell).display !== "none"))"""
    with browser.tab(page.as_uri()) as tab:
        tab.run("document.querySelectorAll('details').forEach((details) => { details.open = true })")
        assert tab.run(column) == [True] * 4
        tab.run("document.querySelector('.legend input[value=absolute]').click()")
        assert tab.run(column) == [False] * 4
        tab.run("document.querySelector('form.view').all.click()")
        assert tab.run(column) == [True] * 4


def test_a_hidden_encoding_hides_nothing_that_has_its_name(
    simulated: Callable[..., Frames], browser: Browser, tmp_path: Path
) -> None:
    # "learned" is an encoding, a column of the summary, and what is said of one that learned a task.
    frames = simulated(("relative", "absolute", "learned"), seeds=2, sequences=12)
    sections = [Overview(), EvaluationLength()]
    page = HtmlCompiler().compile(frames, sections, title="A", folder=tmp_path / "study")
    lost = """[...document.querySelectorAll("details.table table")].flatMap((table) => {
      const headings = [...table.tHead.rows[0].cells];
      const place = headings.findIndex((th) => th.textContent === "encoding");
      if (place < 0) return [];
      const rows = [...table.tBodies[0].rows];
      return [...headings.filter((th) => th.hidden).map((th) => th.textContent),
        ...rows.filter((row) => row.hidden !== (row.cells[place].textContent === "learned"))
          .map((row) => row.textContent)];
    })"""
    with browser.tab(page.as_uri()) as tab:
        tab.run(
            """[...document.querySelectorAll("details.table table")].forEach((table) => {
              const row = [...table.tBodies[0].rows].find((each) => each.cells[0].textContent === "relative");
              if (row) row.cells[row.cells.length - 1].textContent = "learned";
            })"""
        )
        tab.run("document.querySelector('.legend input[value=learned]').click()")
        assert tab.run(lost) == []
        assert tab.run("document.querySelectorAll('tbody tr[hidden]').length") > 0


def test_escape_closes_the_legend_and_keeps_the_focus_in_sight(tab: Tab) -> None:
    tab.run("document.querySelector('form.view summary').click()")
    tab.run("document.querySelector('.legend input').focus()")
    tab.press("Escape")
    assert tab.run("document.querySelector('form.view details').open") is False
    assert tab.run("document.activeElement.matches('form.view summary')")


def test_the_bar_is_one_line_where_the_page_is_magnified(tab: Tab) -> None:
    tab.resize(320, 256)
    tab.run(FRAMES)
    assert 256 - tab.run(BAR) < 45
    assert tab.run("document.documentElement.scrollWidth") == 320
    assert tab.run(
        "[...document.querySelectorAll('form.view > *')].every((e) => e.getBoundingClientRect().right <= 320)"
    )


@pytest.mark.parametrize("width", [380, 1280])
@pytest.mark.parametrize("name", ["all-tasks", "mechanism-attended-distance-copy"])
def test_an_enlarged_panel_has_its_names_and_no_others(tab: Tab, name: str, width: int) -> None:
    tab.resize(width)
    tab.run(FRAMES)
    canvas = f"document.querySelector('[data-figure={name}]')"
    show(tab, canvas)
    texts = f"""[...{canvas}.querySelectorAll("svg text")].map((text) => [text, text.getBoundingClientRect()])
      .filter(([, box]) => box.width).map(([text, box]) => {{
        const all = text.ownerSVGElement.getBoundingClientRect();
        const inside = box.left > all.left - 1 && box.right < all.right + 1 && box.bottom < all.bottom + 1;
        return [text.textContent, inside && box.top > all.top - 1];
      }})"""
    tab.run(f"location.hash = '#?zoom={name}.1'; new Promise((done) => setTimeout(done, 50))")
    show(tab, canvas)
    found = dict(tab.run(texts))
    assert {"relative", "absolute"} <= set(found)
    within = {text for text, inside in found.items() if inside}
    assert within == set(found)
    other = {"all-tasks": "farthest distance", "mechanism-attended-distance-copy": "layer 0"}[name]
    assert other not in found
    tab.run("location.hash = '#?'; new Promise((done) => setTimeout(done, 50))")
    assert other in dict(tab.run(texts))
    if width == 1280:
        assert tab.run("document.querySelectorAll('.row-name').length") == 0


def test_a_figure_of_one_panel_is_shown_enlarged(tab: Tab) -> None:
    names = "[...document.querySelectorAll('.first svg text')].filter((text) => text.getClientRects().length)"
    show(tab, "document.querySelector('.first .canvas')")
    tab.run("location.hash = '#?zoom=accuracy-by-distance.0'; new Promise((done) => setTimeout(done, 50))")
    show(tab, "document.querySelector('.first .canvas')")
    assert {"relative", "absolute"} <= set(tab.run(f"{names}.map((text) => text.textContent)"))


def test_an_enlarged_panel_of_claims_grows_and_is_alone(tab: Tab) -> None:
    svg = "document.querySelector('[data-figure=claims-effects] svg')"
    before = tab.run(f"{svg}.getBoundingClientRect().width")
    tab.run("location.hash = '#?zoom=claims-effects.0'; new Promise((done) => setTimeout(done, 50))")
    assert tab.run(f"{svg}.getBoundingClientRect().width") > 1.5 * before
    panels = "JSON.parse(document.getElementById('data').textContent).figures['claims-effects'].panels"
    low = tab.run(f"{svg}.viewBox.baseVal.y + {svg}.viewBox.baseVal.height")
    assert low < tab.run(f"{panels}[1].box[1]")


@pytest.mark.parametrize("width", [380, 1280])
def test_keys_and_pointer_read_what_is_enlarged_alone(tab: Tab, width: int) -> None:
    tab.resize(width)
    tab.run(FRAMES)
    show(tab, LINES)
    tab.run(f"{LINES}.focus()")
    for key in ("Home", "PageDown", "ArrowRight"):
        tab.press(key)
    before = reading(tab)
    inside = f"""(() => {{
      const [mark, box] = [document.querySelector(".pointer"), {LINES}.querySelector("svg")]
        .map((each) => each.getBoundingClientRect());
      return mark.left >= box.left - 1 && mark.right <= box.right + 1
        && mark.top >= box.top - 1 && mark.bottom <= box.bottom + 1;
    }})()"""
    tab.press("Enter")
    tab.run(FRAMES)
    assert reading(tab) == before
    for key in ("ArrowRight", "PageUp", "ArrowLeft", "PageDown", "Home"):
        tab.press(key)
        assert reading(tab)
        assert tab.run(inside)
    # At the sides of the panel there may be room, and the panels that were there are away.
    read: set[str] = set()
    box = tab.run(
        "(({left, right, top, height}) => [left, right, top + height / 2])"
        f"({LINES}.getBoundingClientRect())"
    )
    for x in np.linspace(box[0] + 1, box[1] - 1, 60):
        tab.point(float(x), box[2])
        read |= {reading(tab)}
        assert not reading(tab) or tab.run(inside)
    assert len(read) > 3
    tab.run(f"{LINES}.blur(); {LINES}.focus()")
    # A part of a panel: keys stay in it.
    tab.run("location.hash = '#?zoom=dependency-length-lines.1.1-2'; new Promise((r) => setTimeout(r, 50))")
    figures = "JSON.parse(document.getElementById('data').textContent).figures"
    columns = f"{figures}['dependency-length-lines'].panels[1].ticks"
    within = {f"dependency length in tokens {tick}" for tick in tab.run(columns)[1:3]}
    for key in ("Home", *["ArrowRight"] * 4, *["ArrowLeft"] * 4):
        tab.press(key)
        assert reading(tab).splitlines()[1] in within


def test_a_part_of_a_panel_is_seen_alone_with_its_names(tab: Tab) -> None:
    for width in (380, 1280):
        tab.resize(width)
        tab.run(
            "location.hash = '#?zoom=dependency-length-lines.1.1-3'; new Promise((r) => setTimeout(r, 50))"
        )
        show(tab, LINES)
        shape, box = tab.run(
            f"""(() => {{
              const svg = {LINES}.querySelector("svg"), {{ width, height }} = svg.getBoundingClientRect();
              const box = svg.viewBox.baseVal;
              return [width / height, box.width / box.height];
            }})()"""
        )
        assert shape == pytest.approx(box, rel=0.02)  # nothing beside the part is in the picture
        note = tab.run(f"{LINES}.parentElement.querySelector('.note').textContent")
        assert {"relative", "absolute"} <= set(re.split(r"[^a-z]+", note))
        assert "dependency length in tokens 2-3 to 8-15" in note
        tab.run("location.hash = '#?'; new Promise((r) => setTimeout(r, 50))")
        assert tab.run("document.querySelectorAll('.note').length") == 0


def test_names_of_rows_differ_as_in_the_first_panel(
    simulated: Callable[..., Frames], browser: Browser, tmp_path: Path
) -> None:
    labels = ["relative", *(f"learned[window=128,scale=learned,bias={end}]" for end in ("true", "false"))]
    frames = with_attention(simulated(tuple(labels), seeds=1, sequences=8, tasks=("copy",)))
    page = HtmlCompiler().compile(frames, [Mechanism()], title="A", folder=tmp_path / "study")
    names = "[...document.querySelectorAll('[data-figure=mechanism-attended-distance-copy] .row-name')]"
    address = f"{page.as_uri()}#?zoom=mechanism-attended-distance-copy.1"
    with browser.tab(address) as tab:
        tab.run(FRAMES)
        found = tab.run(f"{names}.map((each) => each.textContent)")
        assert sorted(found) == sorted(short_names(labels, 30).values())


def test_a_long_table_is_sorted_and_filtered_as_a_whole(
    simulated: Callable[..., Frames], browser: Browser, tmp_path: Path
) -> None:
    frames = simulated(tuple(f"encoding{i}" for i in range(12)), seeds=1, sequences=8, tasks=("copy",))
    page = HtmlCompiler().compile(frames, [DependencyLength()], title="A", folder=tmp_path / "study")
    with browser.tab(page.as_uri()) as tab:
        tab.run(
            "globalThis.long = document.querySelector('button.all-rows').closest('details'); long.open = true"
        )
        tab.run(
            "(({ filter }) => { filter.value = 'encoding11'; filter.dispatchEvent(new Event('input')) })"
            "(document.querySelector('form.view'))"
        )
        assert tab.run("long.querySelector('.left').textContent").endswith("of the first 50 shown")
        tab.run(
            "(({ filter }) => { filter.value = ''; filter.dispatchEvent(new Event('input')) })"
            "(document.querySelector('form.view'))"
        )
        head = "[...long.querySelectorAll('th')].find((th) => th.textContent === 'encoding')"
        tab.run(
            "new Promise((done) => { document.addEventListener('rows', () => setTimeout(done, 50),"
            "{once: true});"
            f"{head}.firstChild.click(); setTimeout(done, 3000) }})"
        )
        column = tab.run(
            f"[...long.querySelector('tbody').rows].map((row) => row.cells[{head}.cellIndex].textContent)"
        )
        assert len(column) > 50
        assert column == sorted(column, key=lambda label: int(label.removeprefix("encoding")))


def test_a_ranking_has_its_rows_again_in_a_higher_window(
    simulated: Callable[..., Frames], browser: Browser, tmp_path: Path
) -> None:
    frames = simulated(tuple(f"encoding{i}" for i in range(23)), seeds=1, sequences=8, tasks=("copy",))
    claims = [claim() for claim in posharness_claims()]
    page = HtmlCompiler().compile(frames, [], claims=claims, title="A", folder=tmp_path / "study")
    shed = "[document.querySelectorAll('.shed').length, document.querySelectorAll('.fitted').length]"
    with browser.tab(page.as_uri(), width=1280, height=1200) as tab:
        whole = tab.run(shed)
        tab.resize(1280, 440)
        tab.run(FRAMES)
        assert tab.run(shed) != whole
        tab.resize(1280, 1200)
        tab.run(FRAMES)
        assert tab.run(shed) == whole


def test_words_of_printed_headings_are_whole(tab: Tab) -> None:
    tab.media(kind="print")
    tab.run("document.querySelectorAll('details').forEach((details) => { details.open = true })")
    broken = """[...document.querySelectorAll("th button")].flatMap((button) =>
      [...button.childNodes].flatMap((node) =>
      [...(node.data ?? "").matchAll(/[A-Za-z]+/g)].filter((word) => {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1;
      }).map((word) => [word[0], button.textContent])))"""
    for width in (718, 740):
        tab.resize(width, 1040)
        assert tab.run(broken) == []
        assert tab.run(
            "[...document.querySelectorAll('table')]"
            ".every((table) => table.getBoundingClientRect().right <= innerWidth + 1)"
        )


def test_an_address_leads_to_what_it_shows(tab: Tab, report: Path) -> None:
    table = "document.querySelector('details.table:not([open])')"
    cells = f"[...{table}.querySelectorAll('tbody tr')].map((row) => row.textContent)"
    tab.run(
        f"globalThis.sorted = {table};"
        "for (const i of [1, 1, 0]) sorted.querySelectorAll('th button')[i].click()"
    )
    before, name, address = tab.run(f"[{cells}, sorted.dataset.table, location.href]")
    tab.open("about:blank")
    tab.open(f"{address}&zoom=dependency-length-lines.1")
    again = f"document.querySelector('[data-table={json.dumps(name)}]')"
    assert tab.run(f"{again}.open")
    assert tab.run(f"[...{again}.querySelectorAll('tbody tr')].map((row) => row.textContent)") == before
    tab.run("new Promise((done) => setTimeout(done, 1500))")
    assert -1 < tab.run(f"{LINES}.getBoundingClientRect().top") < 400


def test_a_filter_reads_each_field_by_itself(tab: Tab) -> None:
    row = "document.querySelector('details.table tbody tr')"
    joined = tab.run(f"{row}.cells[0].textContent.slice(-2) + {row}.cells[1].textContent.slice(0, 2)")
    tab.run(
        f"(({{ filter }}) => {{ filter.value = {json.dumps(joined)};"
        " filter.dispatchEvent(new Event('input')) })"
        "(document.querySelector('form.view'))"
    )
    assert tab.run(f"{row}.hidden")
