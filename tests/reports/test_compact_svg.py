"""The SVG of a page is small, and draws the same as the file beside it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from posharness_reports.compile.svg import inline
from posharness_reports.figures.theme import INK, RC, VARIABLES

LINK = "{http://www.w3.org/1999/xlink}href"


@pytest.fixture(scope="module")
def file() -> str:
    """A figure of lines, markers, areas and texts, as matplotlib writes it."""
    with mpl.rc_context({**RC, "svg.hashsalt": "a"}):
        figure = Figure(figsize=(3, 2))
        for axes in figure.subplots(1, 2):
            axes.plot([1, 2, 3], [0.1, 1 / 3, 0.2], marker="o", color=INK)
            axes.scatter([1, 2], [0.1, 0.3], alpha=0.6)
            axes.fill_between([1, 2], [0, 0.1], [0.3, 0.4], alpha=0.16)
            axes.set_title("1.23456 & <b>")
            axes.set_ylabel("turned")
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def elements(svg: str) -> Iterator[tuple[str, str, str, list[float], list[tuple[str, str]]]]:
    """Each drawn element: tag, text, style, numbers, and what it refers to, with classes as styles."""
    tree = ElementTree.fromstring(svg)
    rules = dict(
        re.findall(r"\.\w+ \.(\w+){([^}]*)}", "".join(e.text or "" for e in tree if e.tag.endswith("style")))
    )
    by_id = {e.get("id"): e for e in tree.iter() if e.get("id")}
    for element in tree.iter():
        tag = element.tag.rpartition("}")[2]
        declared = element.get("style", "").split(";")
        declared += [
            rule for name in element.get("class", "").split() for rule in rules.get(name, "").split(";")
        ]
        declared += [f"{name}:{element.get(name)}" for name in ("fill", "clip-path") if element.get(name)]
        clip = next((rule.partition(":")[2].strip() for rule in declared if "clip-path" in rule), "")
        if tag not in ("path", "use", "text", "rect", "image") and not (tag == "g" and clip):
            continue
        style = ";".join(
            sorted(rule.replace(" ", "") for rule in declared if rule and "clip-path" not in rule)
        )
        for name, (light, _) in VARIABLES.items():
            style = style.replace(f"var(--{name})", light)
        style = re.sub("font-family: ?[^;]+", "font-family", style)  # that of the page
        shape = "".join(element.get(name, "") + " " for name in ("d", "x", "y", "width", "height"))
        names = [element.get("href") or element.get(LINK) or "", clip]
        targets = [by_id[name.strip("url(#)")] for name in names if name]
        referred = [(each.tag, "".join(part.get("d", "") for part in each.iter())) for each in targets]
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", shape)]
        turned = element.get("transform") or ""
        if not re.match(r"rotate\(-?0 ", turned):
            numbers += [float(number) for number in re.findall(r"-?[\d.]+", turned)]
        yield tag, (element.text or "").strip(), style.replace(" ", "").lower(), numbers, referred


def test_the_page_draws_what_the_file_draws(file: str) -> None:
    page = inline(file, alt="a < b", scope="f1")
    ours, theirs = list(elements(page)), list(elements(file))
    assert len(ours) == len(theirs) > 30
    for one, other in zip(ours, theirs, strict=True):
        assert one[:3] == other[:3]
        assert one[3] == pytest.approx(other[3], abs=0.0051)
        assert [tag for tag, _ in one[4]] == [tag for tag, _ in other[4]]
        assert [len(path) for _, path in one[4]] <= [len(path) for _, path in other[4]]
    assert any(referred for *_, referred in ours)
    assert "1.23456" in page


def test_it_is_smaller_and_its_names_are_its_own(file: str) -> None:
    one, two = (inline(file, alt="a", scope=scope) for scope in ("f1", "f2"))
    assert len(one) < 0.6 * len(file)
    names = [set(re.findall(r' id="([^"]+)"', each)) for each in (one, two)]
    assert names[0]
    assert not names[0] & names[1]
    style = re.search("<style>(.*)</style>", one)
    assert style is not None
    assert all(rule.startswith(".f1 .") for rule in style[1].split("}")[:-1])
    assert one.startswith('<svg class="f1" ')
