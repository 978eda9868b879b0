"""The page in a browser: values at the pointer and the keys, what is hidden, and the view in the address."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

from posharness.contracts import Frames
from posharness_reports import posharness_claims
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.formatting import difference, fraction
from posharness_reports.sections.claims import Claims
from posharness_reports.sections.dependency_length import DependencyLength
from posharness_reports.sections.learning_curves import LearningCurves
from posharness_reports.sections.mechanism import Mechanism
from tests.reports.attention import with_attention
from tests.reports.browser import CHROMIUM, Browser, Tab, reading

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)")

LABELS = ("relative", "absolute", "<rope> & 'co'")
LONG = ("ترميز الموضع النسبي", "an-encoding-with-a-name-" + "x" * 90, "קידוד[בסיס=10000]")
OUTSIDE = """[...document.querySelectorAll(".canvas svg text")].filter((text) => {
  const [box, all] = [text, text.ownerSVGElement].map((each) => each.getBoundingClientRect());
  return box.width && (box.left < all.left - 1 || box.right > all.right + 1 || box.bottom > all.bottom + 1);
}).map((text) => text.textContent)"""
"""The texts that leave their figure."""

BARE = """(() => {
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const [text, inside] = [walk.currentNode.data, walk.currentNode.parentElement];
    const apart = inside.closest("bdi, svg, script, style, option, form.view");
    if (/[\u0590-\u08ff]/.test(text) && !apart) found.push(text);
  }
  return found;
})()"""
"""The texts with letters from right to left outside isolation."""

MOVED = r"""(() => {
  let moved = 0, seen = 0;
  for (const label of document.querySelectorAll(".headline bdi, figcaption bdi, .verdicts bdi")) {
    const after = label.nextSibling;
    if (!after || !after.data?.trim()) continue;
    const [range, box] = [document.createRange(), [...label.getClientRects()].at(-1)];
    range.setStart(after, 0);
    range.setEnd(after, after.data.search(/\S/) + 1);
    const next = [...range.getClientRects()].at(-1);
    seen++;
    if (Math.abs(next.bottom - box.bottom) < 4 && next.left < box.right - 1) moved++;
  }
  return [moved, seen > 0];
})()"""
"""How many labels in sentences have what follows them at their left; and whether there are any."""

BROKEN = r"""[...document.querySelectorAll(".ranking .quiet")].filter((score) => {
  const text = score.firstChild, range = document.createRange();
  return [...text.data.matchAll(/[^\s\[\],]+/g)].some((number) => {
    range.setStart(text, number.index);
    range.setEnd(text, number.index + number[0].length);
    return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1;
  });
}).map((score) => score.textContent)"""
"""The scores with a number in two lines."""

AXE = files("axe_core_python") / "axe.min.js"


def _with_examples(frames: Frames) -> Frames:
    """Some predictions with a text: one symbol far before the question about it.

    Wrong ones say "x", also after the change that makes it right.
    """
    rows = frames.predictions[frames.predictions["sequence"] < 2]
    distances = rows["dependency_length"]
    return replace(
        frames,
        examples=rows.assign(
            tokens=[" ".join(["a", *["c"] * (n - 1), "?", "d"]) for n in distances],
            memory="",
            sources=pd.Series([(0,)] * len(rows), rows.index, dtype=object),
            position=distances,
            answer="a",
            prediction=np.where(rows["correct"], "a", "x"),
            changed_answer="x",
            changed_prediction="x",
        ),
    )


@pytest.fixture(scope="module")
def report(simulated: Callable[..., Frames], tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = _with_examples(simulated(LABELS, seeds=3, sequences=12, tasks=("copy",)))
    folder = tmp_path_factory.mktemp("page") / "study"
    return HtmlCompiler().compile(frames, [DependencyLength()], title="A study", folder=folder)


@pytest.fixture
def tab(browser: Browser, report: Path) -> Iterator[Tab]:
    with browser.tab(report.as_uri()) as opened:
        yield opened
        assert opened.complaints == []
        # Nothing is asked for but the page itself.
        assert {url.partition("#")[0] for url in opened.requests} == {report.as_uri()}


def expected(report: Path, label: str) -> list[tuple[str, str]]:
    """The bucket and the accuracy of each point of a label in the first figure."""
    title = json.loads((report.parent / "report.json").read_text("utf-8"))["curve"]["title"]
    points = pd.read_csv(report.parent / "data" / "accuracy-by-distance.csv")
    points = points[(points["label"] == label) & points["scope"].map(lambda scope: scope in title)]
    return [
        (row["bucket"].replace("–", "-"), f"{fraction(row['accuracy'])} [{fraction(row['low_95'])}, ")
        for row in points.sort_values("x").to_dict("records")
    ]


def markers(tab: Tab, label: str) -> list[dict[str, float]]:
    """The places in the window of the markers of a label in the first figure."""
    found: list[dict[str, float]] = tab.run(
        f"""(() => {{
          const data = JSON.parse(document.getElementById("data").textContent);
          const canvas = document.querySelector(".first .canvas");
          const number = data.figures[canvas.dataset.figure].series.indexOf({label!r});
          // The markers of a line are the parts of one path, and the largest number of closed parts.
          const paths = [...canvas.querySelectorAll(`g[data-s="${{number}}"] path`)];
          const parts = paths.map((path) => [path, path.getAttribute("d").match(/M[^Mz]*z/g) ?? []]);
          const [path, drawn] = parts.reduce((most, each) => (each[1].length > most[1].length ? each : most));
          const circles = [...canvas.querySelectorAll(`g[data-s="${{number}}"] circle`)];
          const boxes = circles.map((circle) => circle.getBoundingClientRect());
          for (const d of boxes.length ? [] : drawn) {{
            const alone = path.cloneNode();
            alone.setAttribute("d", d);
            path.after(alone);
            boxes.push(alone.getBoundingClientRect());
            alone.remove();
          }}
          return boxes.map((b) => ({{x: b.x + b.width / 2, y: b.y + b.height / 2}}));
        }})()"""
    )
    return found


def seen(tab: Tab) -> set[str]:
    """The names that are shown in the first figure."""
    names: list[str] = tab.run(
        "[...document.querySelectorAll('.first .canvas g[data-s] text')]"
        ".filter((text) => text.getClientRects().length).map((text) => text.textContent)"
    )
    return set(names)


def test_the_pointer_reads_the_value_of_the_marker_under_it(tab: Tab, report: Path) -> None:
    for label in LABELS[:2]:
        values = expected(report, label)
        places = markers(tab, label)
        assert len(places) == len(values) > 3
        # Where two markers are in one place, either may be read; the last ones are apart.
        for place, (bucket, value) in list(zip(places, values, strict=True))[-2:]:
            tab.point(**place)
            text = reading(tab)
            assert label in text
            assert f"dependency length in tokens {bucket}" in text
            assert f"accuracy {value}" in text
            assert "3 seeds" in text
            assert re.search(r"n = \d+", text)
    tab.point(5, 5)
    assert reading(tab) == ""


def test_keys_read_every_value(tab: Tab, report: Path) -> None:
    tab.run("document.querySelector('.first .canvas').focus()")
    tab.press("Home")
    label = reading(tab).splitlines()[0].lstrip("●■◆▲▼✚✖◀▶⬟⬢")
    values = expected(report, label)
    for i, (bucket, value) in enumerate(values):
        if i:
            tab.press("ArrowRight")
        assert f"tokens {bucket}\naccuracy {value}" in reading(tab)
    found = {label}
    for key in ("ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown"):
        tab.press(key)
        found.add(reading(tab).splitlines()[0].lstrip("●■◆▲▼✚✖◀▶⬟⬢"))
    assert found == set(LABELS)
    tab.press("Escape")
    assert reading(tab) == ""


LABEL = "document.querySelector('#{} .canvas').getAttribute('aria-label')"


def test_keys_read_the_steps_of_each_run(
    simulated: Callable[..., Frames], tmp_path: Path, browser: Browser
) -> None:
    frames = simulated(("relative", "absolute"), seeds=2, sequences=8, tasks=("copy",))
    page = HtmlCompiler().compile(frames, [LearningCurves()], title="A study", folder=tmp_path / "study")
    with browser.tab(page.as_uri()) as tab:
        assert "Arrow keys read" in tab.run(LABEL.format("learning-curves"))
        tab.run("document.querySelector('#learning-curves .canvas').focus()")
        tab.press("Home")
        label, _, values = reading(tab).splitlines()
        seed = int(values.rpartition("seed ")[2])
        curves = frames.curves
        own = curves[(curves["label"].astype(str) == label[1:]) & (curves["seed"] == seed)]
        own = own[own["train_loss"].notna()].sort_values("step")
        last = "document.querySelector('#reading').innerText"
        steps = []
        while not steps or steps[-1] != reading(tab):
            steps.append(reading(tab))
            tab.press("ArrowRight")
        assert len(steps) == min(len(own), 24)
        for row, text in ((own.iloc[0], steps[0]), (own.iloc[-1], tab.run(last))):
            assert f"step {row['step']}\n" in text
            assert f"training loss {row['train_loss']:.2f}" in text
            assert f"seed {seed}" in text


@pytest.fixture(scope="module")
def judged(simulated: Callable[..., Frames], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with verdicts, and with what encodings add to scores."""
    frames = with_attention(simulated(seeds=3, sequences=12, tasks=("copy", "offset_recall")))
    claims = [claim() for claim in posharness_claims()]
    folder = tmp_path_factory.mktemp("judged") / "study"
    sections = [Claims(), Mechanism()]
    return HtmlCompiler().compile(frames, sections, claims=claims, title="A study", folder=folder)


def every_reading(tab: Tab, name: str) -> set[str]:
    """All that keys read in a figure, panel by panel and row by row."""
    tab.run(f"document.querySelector('[data-figure={json.dumps(name)}]').focus()")
    press = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{key: '{}', bubbles: true}}))"

    def pressed(key: str) -> str:
        """What is read after a key; "" if it does not lead on."""
        before = reading(tab)
        tab.run(press.format(key))
        return "" if reading(tab) == before else reading(tab)

    def to_the_end(key: str) -> None:
        while pressed(key):
            pass

    found = set()
    tab.press("Home")
    on_a_panel = True
    while on_a_panel:
        to_the_end("ArrowLeft")
        to_the_end("ArrowUp")
        on_a_row = True
        while on_a_row:
            to_the_end("ArrowLeft")
            text = reading(tab)
            while text:
                found.add(text)
                text = pressed("ArrowRight")
            to_the_end("ArrowLeft")
            on_a_row = bool(pressed("ArrowDown"))
        on_a_panel = bool(pressed("PageDown"))
    tab.press("Escape")
    return found


def test_keys_read_the_effects_behind_the_verdicts(judged: Path, browser: Browser) -> None:
    effects, verdicts = (
        pd.read_csv(judged.parent / "data" / f"{name}.csv") for name in ("effects", "verdicts")
    )
    whole = verdicts[verdicts["effect"].notna()]
    several = effects.groupby(["claim", "better", "other", "decoding"])["task"].transform("size") > 1
    expected = {
        difference(*row).replace("+", "")
        for rows in (whole, effects[several])
        for row in rows[["effect", "low_95", "high_95"]].itertuples(index=False)
    }
    with browser.tab(judged.as_uri()) as tab:
        found = every_reading(tab, "claims-effects")
        assert {text.splitlines()[2].removeprefix("effect ") for text in found} == expected
        assert any("on copy" in text for text in found)
        for outcome in set(whole["verdict"]):
            assert any(f"on average: {outcome}\n" in text for text in found)
        assert tab.complaints == []


def test_the_pointer_reads_the_effect_under_it(judged: Path, browser: Browser) -> None:
    with browser.tab(judged.as_uri()) as tab:
        tab.resize(1280, 4000)
        figure = "document.querySelector('[data-figure=claims-effects]')"
        tab.run(f"{figure}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        places = tab.run(
            """(() => {
              const { figures } = JSON.parse(document.getElementById("data").textContent);
              const svg = document.querySelector("[data-figure=claims-effects] svg");
              const { panels } = figures["claims-effects"];
              return panels.flatMap((panel) => panel.points.map(([row, column, ...effect]) => {
                const [top, bottom] = panel.rows[row];
                const spot = new DOMPoint(panel.xs[column], (top + bottom) / 2);
                const at = spot.matrixTransform(svg.getScreenCTM());
                const drawn = document.elementFromPoint(at.x, at.y);
                const fill = drawn && getComputedStyle(drawn).fill;
                return {x: at.x, y: at.y, name: panel.ticks[column], effect, fill};
              }));
            })()"""
        )
        ink = tab.run("getComputedStyle(document.body).color")
        means = [place for place in places if ":" in place["name"]]
        assert len(means) >= 3
        for place in means:
            assert place["fill"] == ink  # the diamond is here
            tab.point(place["x"], place["y"])
            effect = difference(*place["effect"]).replace("+", "")
            assert f"on {place['name']}\neffect {effect}" in reading(tab)


def test_keys_read_what_an_encoding_adds_to_scores(judged: Path, browser: Browser) -> None:
    with browser.tab(judged.as_uri()) as tab:
        found = every_reading(tab, "mechanism-score-by-distance-copy")
    expected = set()
    for label, far, layer, head in product(("relative", "absolute"), range(7), range(2), range(3)):
        added = -far / 3 * (1 + head + 3 * layer) + 0.0
        written = f"{added:.{1 if added <= -10 else 2}f}"
        lines = f"distance in tokens {-far}\nadded to score {written}, head {head}"
        expected.add(f"●{label}\n{lines.replace('-', '−')}")
    assert {f"●{text[1:]}" for text in found} == expected


def test_keys_lead_from_row_to_row_of_dots(judged: Path, browser: Browser) -> None:
    with browser.tab(judged.as_uri()) as tab:
        found = every_reading(tab, "mechanism-attended-distance-copy")
    places = {(label[1:], place) for label, place, _ in map(str.splitlines, found)}
    assert places == set(product(("relative", "absolute"), (f"head by distance {i}" for i in (1, 2, 3))))


def test_a_figure_without_values_does_not_announce_keys(report: Path, browser: Browser) -> None:
    text = report.read_text("utf-8")
    bare = report.with_name("bare.html")
    # The script sees what is in the data block alone.
    without = re.sub(r'("points": ?)\[\[.*?\]\]', r"\1[]", text)
    assert without != text
    bare.write_text(without, encoding="utf-8")
    with browser.tab(bare.as_uri()) as tab:
        found = tab.run(LABEL.format("accuracy-by-dependency-length"))
        assert found == "Figure dependency length lines. A double click enlarges a panel."


def test_on_a_phone_letters_can_be_read_and_a_figure_shows_that_it_goes_on(tab: Tab) -> None:
    tab.resize(380)
    tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert tab.run("document.documentElement.scrollWidth") == 380
    sizes = """[...document.querySelectorAll(".first .canvas svg text")].map((text) => {
      const svg = text.ownerSVGElement;
      const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      return parseFloat(getComputedStyle(text).fontSize) * scale;
    })"""
    assert min(tab.run(sizes)) >= 9
    wide = "[...document.querySelectorAll('.canvas')].filter((each) => each.scrollWidth > each.clientWidth)"
    assert tab.run(f"{wide}.length") > 0
    # It fades out at the side where it goes on, and its caption says so.
    faded = "getComputedStyle(each).maskImage.includes('gradient')"
    assert tab.run(f"{wide}.every((each) => {faded} && each.matches('.more-right:not(.more-left)'))")
    assert tab.run(
        f"{wide}.every((each) => getComputedStyle(each.parentElement.querySelector('figcaption'), '::before')"
        ".content.includes('sideways'))"
    )
    tab.run(f"{wide}.forEach((each) => {{ each.scrollLeft = each.scrollWidth }})")
    tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert tab.run(f"{wide}.every((each) => each.matches('.more-left:not(.more-right)'))")
    tab.resize(1280)
    tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert tab.run("document.querySelectorAll('.canvas:is(.more-left, .more-right, .wide)').length") == 0


PANELS = "document.querySelector('[data-figure=dependency-length-lines]')"
TITLES = f"""[...{PANELS}.querySelectorAll("text")]
  .filter((text) => /^(copy|offset_recall)$/.test(text.textContent))
  .map((text) => text.getBoundingClientRect())
  .map((box) => [Math.round(box.left), Math.round(box.top)])"""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def test_on_a_phone_lines_of_heads_and_their_legend_are_whole(judged: Path, browser: Browser) -> None:
    with browser.tab(judged.as_uri(), width=380) as tab:
        canvases = "[...document.querySelectorAll('[data-figure^=mechanism-score]')]"
        tab.run(FRAMES)
        assert tab.run(f"{canvases}.length") == 2
        assert tab.run(f"{canvases}.every((each) => each.scrollWidth <= each.clientWidth)")
        assert tab.run(f"{canvases}.every((each) => each.matches('.stacked'))")
        assert tab.run(OUTSIDE) == []


def test_on_a_phone_rows_have_their_names_in_every_panel(judged: Path, browser: Browser) -> None:
    canvas = "document.querySelector('[data-figure=mechanism-attended-distance-copy]')"
    beside = f"""(() => {{
      const at = document.querySelector(".pointer").getBoundingClientRect();
      const middle = at.top + at.height / 2;
      return [...{canvas}.querySelectorAll("text.row-name")].filter((text) => {{
        const box = text.getBoundingClientRect();
        return box.right < at.left + 20 && box.top < middle && middle < box.bottom;
      }}).map((text) => text.textContent);
    }})()"""
    top = "getBoundingClientRect().top"
    title = f"""[...{canvas}.querySelectorAll("text")].find((text) => text.textContent === "layer 1")"""
    with browser.tab(judged.as_uri(), width=380) as tab:
        tab.run(f"{canvas}.scrollIntoView({{behavior: 'instant'}})")
        tab.run(FRAMES)
        assert tab.run(f"{canvas}.matches('.stacked') && {canvas}.scrollWidth <= {canvas}.clientWidth")
        tab.run(f"{canvas}.focus()")
        tab.press("Home")
        tab.run("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'PageDown'}))")
        found = set()
        for key in ("ArrowUp", "ArrowDown"):
            tab.press(key)
            found.add(reading(tab).splitlines()[0][1:])
            assert tab.run(beside) == [reading(tab).splitlines()[0][1:]]
            assert tab.run(f"document.querySelector('.pointer').{top} > {title}.{top}")
        assert found == {"relative", "absolute"}
        tab.press("Escape")
        tab.resize(1280)
        tab.run(FRAMES)
        assert tab.run("document.querySelectorAll('.row-name').length") == 0
        assert tab.complaints == []


def test_on_a_phone_panels_are_below_each_other_and_read_where_they_are(
    simulated: Callable[..., Frames], tmp_path: Path, browser: Browser
) -> None:
    frames = simulated(LABELS[:2], seeds=2, sequences=12, tasks=("copy", "offset_recall"))
    page = HtmlCompiler().compile(frames, [DependencyLength()], title="A", folder=tmp_path / "study")
    box = f"{PANELS}.querySelector('svg').getAttribute('viewBox')"
    with browser.tab(page.as_uri()) as tab:
        whole, wide = tab.run(box), tab.run(TITLES)
        assert len({top for _, top in wide}) == len({left for left, _ in wide}) == 2
        tab.resize(380)
        tab.run(FRAMES)
        # One column, as wide as the screen, without a way to scroll.
        places = tab.run(TITLES)
        assert len({left for left, _ in places}) == 1
        assert [top for _, top in places] == sorted({top for _, top in places})
        assert tab.run(f"{PANELS}.scrollWidth <= {PANELS}.clientWidth && {PANELS}.matches(':not(.wide)')")
        assert tab.run(OUTSIDE) == []
        # What keys read in the second panel is where the pointer reads it, on a mark of this label.
        tab.run(f"{PANELS}.scrollIntoView({{behavior: 'instant'}})")
        tab.run(FRAMES)  # until then it is not drawn
        tab.run(f"{PANELS}.focus()")
        tab.press("Home")
        first = reading(tab)
        tab.run("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'PageDown'}))")
        text = reading(tab)
        assert text != first
        place = tab.run(
            "(() => { const b = document.querySelector('.pointer').getBoundingClientRect();"
            "return {x: b.x + b.width / 2, y: b.y + b.height / 2} })()"
        )
        (_, below), (_, end) = tab.run(TITLES)[1:3]
        assert below < place["y"] < end
        tab.press("Escape")
        drawn = f"document.elementFromPoint({place['x']}, {place['y']})"
        assert tab.run(f"{drawn}.closest('[data-s], [data-parts]') !== null")
        tab.point(**place)
        assert reading(tab) == text
        # On paper and on a wide screen they are as they were drawn.
        tab.media(kind="print")
        tab.run(FRAMES)
        assert tab.run(box) == whole
        tab.media()
        tab.run(FRAMES)
        assert tab.run(box) != whole
        tab.resize(1280)
        tab.run(FRAMES)
        assert tab.run(box) == whole
        assert tab.run(f"{TITLES}.map(([left]) => left)") == [left for left, _ in wide]
        assert tab.complaints == []


def test_a_panel_can_be_enlarged_by_keys_and_back(tab: Tab) -> None:
    box = "document.querySelector('#accuracy-by-dependency-length svg').getAttribute('viewBox')"
    whole = tab.run(box)
    tab.run("document.querySelector('#accuracy-by-dependency-length .canvas').focus()")
    for key in ("Home", "Enter"):
        tab.press(key)
    assert tab.run(box) != whole
    assert "zoom=" in tab.run("location.hash")
    tab.press("Escape")
    assert tab.run(box) == whole
    assert tab.run("location.hash") == ""


def test_the_legend_hides_and_isolates_in_figures_and_tables(tab: Tab) -> None:
    everything = {*LABELS, "chance"} - {"chance"}
    assert seen(tab) == everything
    tab.run("document.querySelector('form.view summary').click()")
    tab.run("document.querySelector('.legend input[value=absolute]').click()")
    assert seen(tab) == everything - {"absolute"}
    assert markers(tab, "absolute")[0]["x"] == 0
    hidden: list[str] = tab.run(
        "[...document.querySelectorAll('tbody tr')].filter((row) => row.hidden).map((row) => row.textContent)"
    )
    assert hidden
    assert all("absolute" in text for text in hidden)
    tab.run("document.querySelector('.legend button[aria-label=\"Show only relative\"]').click()")
    assert seen(tab) == {"relative"}
    assert tab.run("document.querySelectorAll('.cover').length") == 4  # two labels in two parts of the map
    tab.run("document.querySelector('form.view').all.click()")
    assert seen(tab) == everything


def test_a_click_on_a_name_isolates_it(tab: Tab) -> None:
    place = tab.run(
        "(() => { const b = [...document.querySelectorAll('.first .canvas g[data-s] text')]"
        ".find((t) => t.textContent === 'absolute').getBoundingClientRect();"
        "return {x: b.x + b.width / 2, y: b.y + b.height / 2} })()"
    )
    tab.point(**place, click=True)
    assert seen(tab) == {"absolute"}
    tab.point(**place, click=True)
    assert seen(tab) == set(LABELS)


def test_tables_filter_and_sort(tab: Tab) -> None:
    tab.run(
        "(() => { const field = document.querySelector('form.view').filter;"
        "field.value = 'RELATIVE training'; field.dispatchEvent(new Event('input')) })()"
    )
    rows: list[str] = tab.run(
        "[...document.querySelectorAll('tbody tr')].filter((r) => !r.hidden).map((r) => r.textContent)"
    )
    assert rows
    assert all("relative" in row.lower() and "training" in row.lower() for row in rows)
    assert tab.run("document.querySelector('details.table .left').textContent").endswith("shown")
    column: list[str] = tab.run(
        """(() => {
          const table = [...document.querySelectorAll("table")].at(-1);
          const head = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === "area");
          table.tHead.rows[0].cells[head].querySelector("button").click();
          return [...table.tBodies[0].rows].map((row) => row.cells[head].textContent);
        })()"""
    )
    numbers = [float(text.replace("−", "-")) for text in column]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 1


def test_a_long_table_shows_all_its_rows_when_asked(tab: Tab, report: Path) -> None:
    rows = "document.querySelector('#accuracy-by-dependency-length button.all-rows')"
    found: dict[str, Any] = tab.run(
        f"""(async () => {{
          const button = {rows}, details = button.closest("details");
          const name = details.querySelector("a[download]").download;
          const written = (row) => [...row.cells].map((cell) => cell.textContent);
          const texts = () => [...details.querySelectorAll("tbody tr")].map(written);
          const before = texts();
          button.click();
          await new Promise((done) => document.addEventListener("rows", done));
          return {{name, before, after: texts()}};
        }})()"""
    )
    whole = pd.read_csv(report.parent / "tables" / found["name"].removesuffix(".gz"))
    assert len(found["before"]) == 50 < len(whole) == len(found["after"])
    assert found["after"][:50] == found["before"]
    labels = list(whole.columns).index("encoding")
    assert [row[labels] for row in found["after"]] == whole["encoding"].tolist()


def test_the_address_shares_the_view(tab: Tab, report: Path) -> None:
    tab.run("document.querySelector('.legend button[aria-label=\"Show only <rope> & \\'co\\'\"]').click()")
    tab.run(
        "(() => { const bar = document.querySelector('form.view'); bar.theme.value = 'dark';"
        "bar.theme.dispatchEvent(new Event('change')); bar.filter.value = 'a&b=c';"
        "bar.filter.dispatchEvent(new Event('input')) })()"
    )
    address = tab.run("location.href")
    assert parse_qs(address.partition("#?")[2]) == {
        "only": [LABELS[2]],
        "theme": ["dark"],
        "filter": ["a&b=c"],
    }
    dark = tab.run("getComputedStyle(document.body).backgroundColor")
    # A link to a section keeps the view.
    tab.run("document.querySelector('nav a[href=\"#accuracy-by-dependency-length\"]').click()")
    assert tab.run("new Promise((done) => setTimeout(() => done(location.hash), 50))").startswith(
        "#accuracy-by-dependency-length?only="
    )
    tab.open("about:blank")
    tab.open(address)
    assert seen(tab) == {LABELS[2]}
    assert tab.run("getComputedStyle(document.body).backgroundColor") == dark
    assert tab.run("document.querySelector('form.view').filter.value") == "a&b=c"


def test_what_an_address_names_and_a_report_lacks_is_not_applied(tab: Tab) -> None:
    for query in ("only=nobody", "hide=nobody&zoom=x.length", "zoom=accuracy.length", "sort=x.1&test=x&of=y"):
        tab.run(f"location.hash = '#?{query}'; new Promise((done) => setTimeout(done, 30))")
        assert seen(tab) == set(LABELS)
        assert tab.run("location.hash") == ""


def test_sorting_and_examples_are_in_the_address(tab: Tab) -> None:
    first = "document.querySelectorAll('details.table tbody')[0].rows"
    before = tab.run(f"[...{first}].map((row) => row.textContent)")
    tab.run("document.querySelectorAll('details.table th button')[5].click()")
    tab.run("document.querySelectorAll('details.table th button')[5].click()")
    tab.run("(() => { const form = document.querySelector('#examples form'); form.label.selectedIndex = 1;"
            "form.wrong.checked = true; form.dispatchEvent(new Event('input')) })()")  # fmt: skip
    after = tab.run(f"[...{first}].map((row) => row.textContent)")
    assert after != before
    address = tab.run("location.href")
    found = parse_qs(address.partition("#?")[2], keep_blank_values=True)
    assert found["sort"][0].endswith(".-5")
    assert found["of"] == [sorted(LABELS)[0]]
    assert found["wrong"] == [""]
    tab.open("about:blank")
    tab.open(address)
    assert tab.run(f"[...{first}].map((row) => row.textContent)") == after
    assert tab.run("document.querySelector('#examples form').wrong.checked") is True
    # Without it, the rows are back where they were.
    tab.run("location.hash = '#?'; new Promise((done) => setTimeout(done, 30))")
    assert tab.run(f"[...{first}].map((row) => row.textContent)") == before


def test_numbers_sort_as_numbers(tab: Tab) -> None:
    texts = ["−4.5e−04", "0.001", "–", "< 9", "≥ 36", "+0.10 [+0.08, +0.11]", "−1.2", "∞"]
    found = tab.run(
        f"""(() => {{
          const body = document.querySelector("details.table tbody");
          const row = body.rows[0];
          body.replaceChildren(...{json.dumps(texts)}.map((text) => {{
            const made = row.cloneNode(true);
            made.cells[0].textContent = text;
            return made;
          }}));
          document.querySelector("details.table th button").click();
          return [...body.rows].map((each) => each.cells[0].textContent);
        }})()"""
    )
    assert found == ["−1.2", "−4.5e−04", "0.001", "+0.10 [+0.08, +0.11]", "< 9", "≥ 36", "∞", "–"]


def test_a_part_of_a_panel_fills_its_figure(tab: Tab) -> None:
    box = "document.querySelector('.first .canvas svg').getAttribute('viewBox')"
    whole = tab.run(box)
    tab.run("document.querySelector('.first .canvas').focus()")
    tab.press("Home")
    tab.run("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '+', bubbles: true}))")
    part = tab.run(box)
    assert float(part.split()[2]) < float(whole.split()[2])
    address = tab.run("location.href")
    assert re.search(r"zoom=[^&]+\.0\.0-\d", address)
    tab.open("about:blank")
    tab.open(address)
    assert tab.run(box) == part
    tab.run("document.querySelector('.first .canvas').focus()")
    tab.press("Escape")
    assert tab.run(box) == whole


def test_a_figure_without_what_is_chosen_says_so(tab: Tab) -> None:
    tab.run("document.querySelectorAll('.legend input').forEach((box) => box.click())")
    assert tab.run("document.querySelector('.first .note').textContent") == "All encodings are hidden."
    tab.run("document.querySelector('form.view').all.click()")
    assert tab.run("document.querySelector('.first .note')") is None


def test_a_figure_of_some_encodings_names_those_that_are_chosen_and_not_in_it(
    simulated: Callable[..., Frames], tmp_path: Path, browser: Browser
) -> None:
    labels = tuple(f"encoding{number}" for number in range(12))
    frames = simulated(labels, seeds=1, sequences=8, tasks=("copy",))
    page = HtmlCompiler().compile(frames, [], title="A", folder=tmp_path / "study")
    with browser.tab(page.as_uri()) as tab:
        names: list[str] = tab.run(
            "JSON.parse(document.getElementById('data').textContent)"
            ".figures[document.querySelector('.first .canvas').dataset.figure].series"
        )
        (there, *_), (missing, *_) = names, sorted(set(labels) - set(names))
        tab.run(f"location.hash = '#?only={there}&only={missing}'; new Promise((r) => setTimeout(r, 50))")
        note = tab.run("document.querySelector('.first .note').textContent")
        assert note == f"Not among the encodings of this figure: {missing}."
        assert there in seen(tab)
        # With all but one, it would be noise.
        tab.run(f"location.hash = '#?hide={missing}'; new Promise((r) => setTimeout(r, 50))")
        assert tab.run("document.querySelector('.first .note')") is None


def test_the_view_is_among_the_first_that_tab_reaches(tab: Tab) -> None:
    reached = []
    for _ in range(5):
        tab.press("Tab")
        reached.append(tab.run("document.activeElement.closest('form.view') !== null"))
    assert any(reached)


def test_the_explorer_shows_sources_answers_and_arcs(tab: Tab, report: Path) -> None:
    tab.run("document.getElementById('examples').scrollIntoView()")
    count = "document.querySelectorAll('#examples .example').length"
    tab.run(
        f"new Promise((done) => {{ const look = () => {count} ? done() : setTimeout(look, 20); look() }})"
    )
    all_shown = tab.run(count)
    assert tab.run("document.querySelector('#examples .fallback')") is None
    assert tab.run("document.querySelectorAll('#examples .example path').length") == all_shown
    # The arc begins over the source and ends over the question.
    assert tab.run(
        """(() => {
          const line = [...document.querySelectorAll("#examples .line")].at(-1);
          const [source, place] = [".source", ".place"].map((name) => line.querySelector(name));
          const [x, y] = [source, place].map((token) => token.offsetLeft + token.offsetWidth / 2);
          const path = line.querySelector("path").getAttribute("d");
          return path.startsWith(`M${x} `) && path.includes(` ${y} `) && place.textContent === "?";
        })()"""
    )
    # Wrong answers of one encoding: as many as in the page's data.
    tab.run(
        "(() => { const form = document.querySelector('#examples form'); form.label.value = 'absolute';"
        "form.wrong.checked = true; form.dispatchEvent(new Event('input')) })()"
    )
    wrong = tab.run(
        "JSON.parse(document.getElementById('examples-data').textContent).tests[0].answers.absolute"
        ".filter((given) => given.length && given[0] !== 'a').length"
    )
    assert 0 < wrong == tab.run(count) < all_shown
    texts: list[str] = tab.run(
        "[...document.querySelectorAll('.answers-given li')].map((li) => li.textContent)"
    )
    # An answer that has not changed has not followed, also where it is now right.
    assert all(text == "absolute ✗ x → x (kept)" for text in texts)


def test_arcs_are_whole_and_a_phone_shows_the_answers_place(tab: Tab) -> None:
    tab.resize(380)
    tab.run("document.getElementById('examples').scrollIntoView()")
    tab.run(
        "new Promise((done) => { const look = () => document.querySelector('#examples .line svg')"
        " ? setTimeout(done, 100) : setTimeout(look, 20); look() })"
    )
    lines = "[...document.querySelectorAll('#examples .line')]"
    cut = f"""{lines}.filter((line) => {{
      const top = line.getBoundingClientRect().top;
      return [...line.querySelectorAll("path")].some((path) => path.getBoundingClientRect().top < top);
    }}).length"""
    assert tab.run(cut) == 0
    out = f"""{lines}.filter((line) => {{
      const [place, box] = [line.querySelector(".place"), line].map((each) => each.getBoundingClientRect());
      return place.left < box.left || place.right > box.right;
    }}).length"""
    assert tab.run(out) == 0
    # A line that goes on says so, and one that is whole does not.
    wide = "line.scrollWidth > line.clientWidth"
    said = "line.matches('.more-left, .more-right')"
    assert tab.run(f"{lines}.every((line) => ({wide}) === {said})")
    assert 0 < tab.run(f"{lines}.filter((line) => {wide}).length") < tab.run(f"{lines}.length")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(tab: Tab, scheme: str) -> None:
    tab.media(scheme=scheme)
    tab.run("document.querySelectorAll('details').forEach((details) => { details.open = true })")
    tab.run("document.getElementById('examples').scrollIntoView()")
    tab.run(AXE.read_text(encoding="utf-8") + ";0")
    found: dict[str, Any] = tab.run(
        "axe.run(document, {resultTypes: ['violations']}).then((found) => "
        "({passes: found.passes.length, violations: found.violations.map((each) => "
        "[each.id, each.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))])}))"
    )
    assert found["violations"] == []
    assert found["passes"] > 10


@pytest.mark.parametrize("width", [380, 768, 1280])
def test_an_open_legend_scrolls_only_down(tab: Tab, width: int) -> None:
    tab.resize(width)
    tab.run("document.querySelector('form.view details').open = true")
    assert tab.run("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [718, 740])  # A4 and Letter with margins of a centimetre
def test_nothing_of_a_printed_page_is_cut(tab: Tab, width: int) -> None:
    tab.media(kind="print")
    tab.resize(width, 1040)
    tab.run("document.querySelectorAll('details').forEach((details) => { details.open = true })")
    assert tab.run("document.documentElement.scrollWidth") == width
    cut = """[...document.querySelectorAll("table, svg, td, th, p, li, figure")].filter((each) => {
      const box = each.getBoundingClientRect();
      return box.width && (box.right > innerWidth + 1 || box.left < -1);
    }).map((each) => each.outerHTML.slice(0, 120))"""
    assert tab.run(cut) == []
    # A number is on one line.
    broken = """[...document.querySelectorAll("td")].flatMap((cell) => {
      const node = cell.firstChild;
      if (node?.nodeType !== 3) return [];
      return [...node.data.matchAll(/(?<![\\w.])[\\d.]+(?![\\w.])/g)].filter((found) => {
        const range = document.createRange();
        range.setStart(node, found.index);
        range.setEnd(node, found.index + found[0].length);
        return range.getClientRects().length > 1;
      }).map((found) => [found[0], node.data]);
    })"""
    assert tab.run(broken) == []
    # A figure is on one page.
    assert tab.run("Math.max(...[...document.querySelectorAll('svg')].map((svg) => svg.clientHeight))") < 1000
    assert tab.run("document.querySelector('form.view').offsetHeight") == 0


@pytest.mark.parametrize("width", [380, 768])
def test_long_labels_and_those_from_right_to_left_stay_whole(
    simulated: Callable[..., Frames], tmp_path: Path, browser: Browser, width: int
) -> None:
    frames = simulated(LONG, seeds=1, sequences=8, tasks=("copy",))
    page = HtmlCompiler().compile(frames, [], title=" ".join(LONG), folder=tmp_path / "study")
    with browser.tab(page.as_uri(), width=width) as tab:
        assert tab.run("document.documentElement.scrollWidth") == width
        ranked: list[str] = tab.run(
            "[...document.querySelectorAll('.ranking li')].map((item) => item.children[2].textContent)"
        )
        assert set(ranked) == set(LONG)
        assert tab.run(
            "[...document.querySelectorAll('.ranking *, h1')].every((each) => each.scrollWidth <= innerWidth)"
        )
        # Each label keeps its direction, whatever is beside it.
        directions = tab.run(
            "[...document.querySelectorAll('.ranking bdi')].map((each) => getComputedStyle(each).direction)"
        )
        assert sorted(directions) == ["ltr", "rtl", "rtl"]
        assert tab.run(BARE) == []
        # In sentences, numbers stay at the right of the label that they belong to.
        assert tab.run(MOVED) == [0, True]
        # A name in a figure may be cut, but what is read there is whole.
        tab.run("document.querySelector('.first .canvas').focus()")
        read = set()
        for key in ("Home", *["ArrowUp"] * 3, *["ArrowDown"] * 3):
            tab.press(key)
            read.add(reading(tab).splitlines()[0][1:])
        assert read == set(LONG)
        tab.press("Escape")
        assert tab.run(OUTSIDE) == []
        tab.media(kind="print")
        tab.resize(718, 1040)
        assert tab.run("document.documentElement.scrollWidth") == 718
        assert tab.run(OUTSIDE) == []


def test_numbers_beside_long_labels_are_not_broken(
    simulated: Callable[..., Frames], tmp_path: Path, browser: Browser
) -> None:
    labels = ("relative", "absolute", *("_".join([f"window_{i}", *["word"] * 20]) for i in range(3)))
    frames = simulated(labels, seeds=3, sequences=8, tasks=("copy",))
    page = HtmlCompiler().compile(frames, [], title="Long labels", folder=tmp_path / "study")
    for width in (320, 1280):
        with browser.tab(page.as_uri(), width=width) as tab:
            assert tab.run("document.querySelectorAll('.ranking .quiet').length") == len(labels)
            assert tab.run(BROKEN) == []
            assert tab.run("document.documentElement.scrollWidth") == width


def test_without_javascript_all_is_there(browser: Browser, report: Path) -> None:
    with browser.tab(report.as_uri(), script=False) as tab:
        tree: list[dict[str, Any]] = tab.send("Accessibility.getFullAXTree")["nodes"]
        fields = "(part) => part.querySelectorAll('td').length"
        tables: list[int] = tab.run(f"[...document.querySelectorAll('details.table')].map({fields})")
    # The style sheet writes small headings in capitals.
    names = {str(node.get("name", {}).get("value", "")).lower() for node in tree if not node.get("ignored")}
    assert "filter tables" not in names  # what does nothing is not shown
    assert any("accuracy by dependency length. " in name for name in names)
    assert {"all tasks", "examples"} <= names
    assert any(name.startswith("ranking on copy") for name in names)
    assert any("right is" in name for name in names)
    assert len(tables) > 2
    assert all(tables)


def test_a_closed_table_is_made_as_soon_as_it_is_needed(tab: Tab, report: Path) -> None:
    def opened(view: str) -> int:
        tab.send("Page.navigate", url="about:blank")
        tab.send("Page.navigate", url=report.as_uri() + view)
        loaded = "document.readyState == 'complete' ? done() : addEventListener('load', done)"
        tab.run(f"new Promise((done) => {{ {loaded} }})")
        return int(tab.run(left))

    # A browser that is never idle.
    tab.send(
        "Page.addScriptToEvaluateOnNewDocument", source="requestIdleCallback = (work) => { later = work; }"
    )
    left = "document.querySelectorAll('details.table:not([open]) noscript').length"
    hidden = "[...document.querySelectorAll('tbody tr')].filter((row) => row.hidden).length"
    closed = opened("")
    assert closed > 2
    first = "document.querySelector('details.table:has(noscript)')"
    rows = tab.run(
        f"""new Promise((done) => {{
          const part = {first};
          part.addEventListener("toggle", () => setTimeout(() => done(part.querySelectorAll("td").length)));
          part.querySelector("summary").click();
        }})"""
    )
    assert rows
    assert tab.run(left) == closed - 1
    tab.run("later()")
    assert tab.run(left) == closed - 2
    assert opened("#?hide=absolute") == 0
    assert tab.run(hidden)
    name: str = tab.run("document.querySelector('details.table:not([open])').dataset.table")
    assert opened(f"#?sort={name}.-0") == closed - 1
    heading = f"document.querySelector('[data-table=\"{name}\"] th')"
    assert tab.run(f"{heading}.getAttribute('aria-sort')") == "descending"
