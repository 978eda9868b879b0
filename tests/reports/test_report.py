"""A compiled report: whole, self-contained, harmless, the same every time, and readable half-way through."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from matplotlib.figure import Figure

from posharness.contracts import Chart, Frames, ReportSection, Section, UserError
from posharness_reports import posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler

Simulate = Callable[..., Frames]
VOID = {"meta", "br", "link", "img", "input", "hr", "wbr"}


def _compile(frames: Frames, folder: Path, *extra: ReportSection, title: str = "A study") -> Path:
    built_in = [section() for section in posharness_report_sections()]
    return HtmlCompiler().compile(frames, [*built_in, *extra], title=title, folder=folder)


class Page(HTMLParser):
    """Elements with their attributes; asserts that they nest."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def report(frames: Frames, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of twelve cells."""
    return _compile(frames, tmp_path_factory.mktemp("reports") / "whole").parent


def test_a_report_has_all_its_parts(report: Path) -> None:
    about = json.loads((report / "report.json").read_text(encoding="utf-8"))
    assert [section["title"] for section in about["sections"]] == [
        "Overview",
        "Ranking of all encodings",
        "Accuracy by dependency length",
        "Accuracy by evaluation length",
        "Learning curves",
        "BERT pretraining",
        "What each encoding was given",
        "What these results rest on",
        "Runs that did not finish",
    ]
    assert [section["failure"] for section in about["sections"]] == [""] * 9
    assert about["cells"] == {"done": 10, "diverged": 1, "skipped": 1}
    assert about["created"] == "2026-01-05T10:00:11Z"
    assert about["encodings"] == ["absolute", "relative"]
    assert "dependency-length-lines" in about["figures"]
    for name in about["figures"]:
        assert (report / f"figures/{name}.svg").read_bytes().startswith(b"<?xml")
    for name in about["tables"]:
        assert len(pd.read_csv(report / f"tables/{name}.csv"))
        assert r"\toprule" in (report / f"tables/{name}.tex").read_text(encoding="utf-8")
    assert {path.name for path in report.iterdir()} == {
        "report.html",
        "report.md",
        "report.json",
        "methods.txt",
        "figures",
        "tables",
        "data",
    }
    for path in (report / "data").glob("*.csv"):
        rows = pd.read_parquet(path.with_suffix(".parquet"))
        assert list(pd.read_csv(path).columns) == list(rows.columns)
        assert len(rows) or path.stem in ("interventions", "verdicts", "effects")


def test_the_page_is_sound_and_described(report: Path) -> None:
    page = Page(report / "report.html")
    pictures = page.of("svg")
    assert len(pictures) == 6
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] or "" for attributes in page.of("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    used = re.findall(r"url\(#([^)]+)\)", (report / "report.html").read_text(encoding="utf-8"))
    assert set(used) <= set(ids)
    assert "The loss was nan at step 260." in page.text


def test_the_page_asks_for_nothing(report: Path) -> None:
    page = Page(report / "report.html")
    assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "embed"}
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            value = attributes.get(name) or "#"
            # A link is followed only when a reader presses it.
            assert value.startswith(("#", "data:", "data/") if tag == "a" else ("#", "data:")), value
    style = "".join(re.findall(r"<style>.*?</style>", (report / "report.html").read_text("utf-8"), re.DOTALL))
    assert "@import" not in style
    # Of figures, only parts of themselves: their clips.
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)", style))
    (policy,) = (
        a["content"] or "" for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_the_page_holds_the_files_of_its_tables(report: Path) -> None:
    held, packed = {}, 0
    for link in Page(report / "report.html").of("a"):
        if "download" in link:
            content = base64.b64decode((link["href"] or "").partition("base64,")[2])
            if (name := link["download"] or "").endswith(".gz"):
                name, content, packed = name.removesuffix(".gz"), gzip.decompress(content), packed + 1
            if not name.endswith("-shown.csv"):  # a long table as it is shown, for "Show all"
                held[name] = content
    assert held == {path.name: path.read_bytes() for path in report.glob("tables/*.csv")}
    assert 0 < packed < len(held)


def test_the_page_links_the_data_beside_it(report: Path) -> None:
    linked = {link.get("href") or "" for link in Page(report / "report.html").of("a")}
    data = {f"data/{path.name}" for path in (report / "data").iterdir()}
    assert data
    assert data <= linked
    # Whoever has the page alone reads where they are.
    assert f"in the folder {report.name}" in Page(report / "report.html").text


def test_figures_on_the_page_turn_with_a_dark_one(report: Path) -> None:
    html = (report / "report.html").read_text(encoding="utf-8")
    pictures = "".join(re.findall(r"<svg.*?</svg>|\.canvas \.k\w+{[^}]*}", html, re.DOTALL))
    assert "var(--ink)" in pictures
    assert "var(--series-1)" in pictures
    assert "#2a46b2" not in pictures.lower()
    assert "prefers-color-scheme:dark" in html


def test_markdown_stands_beside_the_page(report: Path) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# A study\n")
    for path in re.findall(r"\]\(((?:figures|tables)/[^)]+)\)", text):
        assert (report / path).is_file()
    assert (
        "| task | absolute | relative |\n| --- | --- | --- |\n| bert | 2 done | 1 done, 1 skipped |" in text
    )


def test_no_label_is_read_as_code(simulated: Simulate, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>|$x$\"'[a](javascript:alert(2))![i](http://x/y.png)"
    frames = simulated((evil, "relative"), tasks=("bert",), seeds=1, sequences=8)
    cells = frames.cells.assign(reason=evil)
    cells.loc[0, "status"] = "failed"
    made = _compile(Frames(cells, frames.predictions, frames.curves), tmp_path / "r", title=evil)
    page = Page(made)
    assert [script.get("type") for script in page.of("script")] == ["application/json", None]
    assert not page.of("img")
    assert not [a for a in page.of("a") if (a["href"] or "").startswith("javascript")]
    assert page.text.count("<script>alert(1)</script>") > 3
    about = json.loads((tmp_path / "r/report.json").read_text(encoding="utf-8"))
    assert [section["failure"] for section in about["sections"]] == [""] * len(about["sections"])
    assert "<script>" not in (tmp_path / "r/report.md").read_text(encoding="utf-8")


SCRIPT = """
import pickle, sys
from pathlib import Path
from posharness_reports import posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler
frames = pickle.loads(Path(sys.argv[1]).read_bytes())
sections = [section() for section in posharness_report_sections()]
HtmlCompiler().compile(frames, sections, title="Twice", folder=Path(sys.argv[2]))
"""


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_frames_give_the_same_bytes_in_any_process(simulated: Simulate, tmp_path: Path) -> None:
    frames = simulated(tasks=("offset_recall",), seeds=1, sequences=8)
    _compile(frames, tmp_path / "here/twice", title="Twice")
    pd.to_pickle(frames, tmp_path / "frames")
    subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            SCRIPT,
            str(tmp_path / "frames"),
            str(tmp_path / "there/twice"),
        ],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "17", "TZ": "Asia/Tokyo"},
    )
    assert _contents(tmp_path / "here") == _contents(tmp_path / "there")


class Breaks(ReportSection):
    """A section with a fault."""

    name = "breaks"
    summary = "What a third party adds"
    place = "overview"
    order = 15

    def build(self, frames: Frames) -> Section:
        raise ValueError("no column <x>")


class Adds(ReportSection):
    """A section with unusual values."""

    name = "adds"
    place = "overview"
    order = 5

    def build(self, frames: Frames) -> Section:
        figure = Figure()
        figure.subplots().plot([0, 1], [0, 1])
        table = pd.DataFrame(
            {"n": pd.array([1, None], dtype="Int64"), "flag": [True, False], "when": ["a\nb", None]}
        )
        chart = Chart("values", figure, table, lambda rows: f"There are {len(rows)} values.")
        return Section("Own words", "*Yes* <b>no</b>", {"Values": table, "Values ": table}, {"Values": chart})


@pytest.mark.parametrize(
    ("figures", "starts"),
    [
        ("svg", {"svg": b"<?xml"}),
        ("pdf", {"svg": b"<?xml", "pdf": b"%PDF"}),
        ("png", {"svg": b"<?xml", "png": b"\x89PNG"}),
        ("all", {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}),
    ],
)
def test_figures_are_saved_in_the_formats_that_are_given(
    simulated: Simulate,
    tmp_path: Path,
    figures: Literal["svg", "pdf", "png", "all"],
    starts: dict[str, bytes],
) -> None:
    frames = simulated(default="waiting", tasks=("copy",))
    made = HtmlCompiler(figures=figures).compile(frames, [Adds()], title="A", folder=tmp_path / "r")
    files = {path.name: path.read_bytes() for path in (tmp_path / "r/figures").iterdir()}
    assert set(files) == {f"adds-values.{ending}" for ending in starts}
    assert all(files[f"adds-values.{ending}"].startswith(start) for ending, start in starts.items())
    downloads = [link["download"] for link in Page(made).of("a") if "download" in link]
    assert ("adds-values.pdf" in downloads) == ("pdf" in starts)


class Silent(ReportSection):
    """A section with nothing to say."""

    name = "silent"

    def build(self, frames: Frames) -> None:
        return None


def test_a_section_that_raises_is_shown_with_its_reason_and_the_others_stand(
    simulated: Simulate, tmp_path: Path
) -> None:
    frames = simulated(default="waiting")
    page = Page(_compile(frames, tmp_path / "r", Breaks(), Adds(), Silent()))
    assert "ValueError: no column <x>" in page.text
    assert "in build: raise ValueError" in page.text
    assert str(Path(__file__).parent) not in page.text
    about = json.loads((tmp_path / "r/report.json").read_text(encoding="utf-8"))
    assert [section["title"] for section in about["sections"]] == [
        "Own words",
        "Overview",
        "What a third party adds",
        "What these results rest on",
        "Runs that did not finish",
    ]
    assert about["tables"][:2] == ["values", "values-2"]
    assert "<b>no</b>" in page.text


@pytest.mark.parametrize("status", ["waiting", "running", "skipped"])
def test_a_store_without_any_result_compiles(simulated: Simulate, tmp_path: Path, status: str) -> None:
    made = _compile(simulated(default=status, tasks=("bert",), seeds=1), tmp_path / "r")
    about = json.loads((made.parent / "report.json").read_text(encoding="utf-8"))
    assert about["headline"] == f"No result yet: 2 cells: 2 {status}."
    assert not [section for section in about["sections"] if section["failure"]]


def test_a_cell_that_cannot_be_read_is_listed(simulated: Simulate, tmp_path: Path) -> None:
    frames = simulated(tasks=("copy",), seeds=1, default="failed")
    lost = frames.cells.iloc[0][["cell", "status"]].to_dict() | {"cell": "f" * 64, "label": "ffffffff"}
    lost["reason"] = "its folder cannot be read"
    cells = pd.concat([frames.cells, pd.DataFrame([lost])], ignore_index=True)
    made = _compile(Frames(cells, frames.predictions, frames.curves), tmp_path / "r")
    about = json.loads((made.parent / "report.json").read_text(encoding="utf-8"))
    assert not [section for section in about["sections"] if section["failure"]]
    assert about["tasks"] == ["copy", "unknown"]
    assert "its folder cannot be read" in Page(made).text


def test_half_a_run_compiles(simulated: Simulate, tmp_path: Path) -> None:
    running = {(label, "bert", 1): ("running", "") for label in ("relative", "absolute")}
    frames = simulated(tasks=("bert",), statuses=running, sequences=8)
    about = json.loads((_compile(frames, tmp_path / "r").parent / "report.json").read_text(encoding="utf-8"))
    assert about["cells"] == {"done": 2, "running": 2}
    assert not [section for section in about["sections"] if section["failure"]]


def test_a_report_replaces_a_report_and_nothing_else(simulated: Simulate, tmp_path: Path) -> None:
    frames = simulated(default="waiting", tasks=("copy",))
    _compile(frames, tmp_path / "r", title="First")
    (tmp_path / "r/figures").mkdir()
    (tmp_path / "r/figures/old.svg").write_text("")
    _compile(frames, tmp_path / "r", title="Second")
    assert "Second" in (tmp_path / "r/report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "r/figures").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="not a report"):
        _compile(frames, tmp_path / "mine")
    with pytest.raises(UserError, match="cannot be written"):
        _compile(frames, tmp_path / "mine/thesis.tex/r")
    assert (tmp_path / "mine/thesis.tex").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "r"]


def test_finding_the_plugins_does_not_wait_for_what_draws() -> None:
    code = (
        "import sys, posharness_reports as r; r.posharness_compilers(); r.posharness_report_sections(); "
        "sys.exit(' '.join(sorted({'pandas', 'matplotlib', 'seaborn', 'scipy'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
