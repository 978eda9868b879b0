"""The page by touch and by keys, in other colours, without motion, and in windows of other sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posharness.contracts import Frames
from posharness_reports import posharness_claims
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.sections.claims import Claims
from posharness_reports.sections.dependency_length import DependencyLength
from posharness_reports.sections.evaluation_length import EvaluationLength
from posharness_reports.sections.fairness import Fairness
from posharness_reports.sections.learning_curves import LearningCurves
from posharness_reports.sections.mechanism import Mechanism
from tests.reports.attention import with_attention
from tests.reports.browser import CHROMIUM, Browser, Tab

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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def tab(browser: Browser, report: Path) -> Iterator[Tab]:
    with browser.tab(report.as_uri()) as opened:
        yield opened
        assert opened.complaints == []


def reading(tab: Tab) -> str:
    shown = tab.run("document.querySelector('#reading.shown')?.innerText ?? ''")
    assert isinstance(shown, str)
    return shown


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
