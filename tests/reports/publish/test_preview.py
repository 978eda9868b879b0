"""The picture that is shown beside a link to a published report."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib.image
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from posharness.contracts import Frames
from posharness.verification import Made, compare_files, read_made, write_made
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.figures.panels import ACCURACY
from posharness_reports.publish.preview import PREVIEW, address, picture
from posharness_reports.publish.static_folder import publish

CURVE: dict[str, Any] = {
    "title": "copy", "axis": ["dependency length", "accuracy"], "ticks": ["4", "8"],
    "lines": {"rope": [1.0, 0.9], "absolute": [0.5, None]},
}  # fmt: skip


def _about(**fields: Any) -> dict[str, Any]:
    return {"title": "A $study_{ of ترميز", "headline": "Rope is better.", "curve": CURVE, **fields}


@pytest.fixture(scope="module")
def report(simulated: Callable[..., Frames], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled report with the file that `harness verify` reads."""
    folder = tmp_path_factory.mktemp("preview") / "study"
    HtmlCompiler().compile(simulated(seeds=1, tasks=("copy",)), [], title="A study", folder=folder)
    write_made(folder, Made("A study", "", None, "html", ""))
    return folder


@pytest.mark.parametrize("curve", [CURVE, {}, {"title": "x", "figure": "x"}, {**CURVE, "lines": {"a": [1]}}])
def test_the_picture_has_the_size_that_services_ask_for(curve: dict[str, Any]) -> None:
    drawn = matplotlib.image.imread(io.BytesIO(picture(_about(curve=curve))))
    assert drawn.shape[:2] == (630, 1200)


def test_the_picture_shows_the_first_figure() -> None:
    assert picture(_about()) == picture(_about())
    assert picture(_about()) != picture(_about(curve={}))
    assert picture(_about()) != picture(_about(curve={**CURVE, "lines": {"rope": [0.1, 0.9]}}))


def test_the_picture_has_the_axes_of_the_figure(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line within .01 of 1 is at the top, also in the picture that is passed on."""
    about = json.loads((report / "report.json").read_text("utf-8"))
    curve = about["curve"]
    assert tuple(curve["limits"]) == ACCURACY
    assert curve["places"] == sorted(curve["places"])
    assert 0 <= curve["places"][0] < curve["places"][-1] <= 1
    assert set(curve["bands"]) == set(curve["lines"])
    (level,) = curve["chance"].values()
    assert len(level) == len(curve["ticks"])
    high = {**curve, "lines": {"rope": [1 - 0.001 * i for i in range(len(level))]}, "bands": {}}
    for shown in (curve, high, CURVE):
        axes, labels = _axes(_about(curve=shown), monkeypatch)
        assert axes.get_ylim() == ACCURACY
        assert set(shown.get("chance", {})) <= labels
        assert sum(bool(each.get_paths()) for each in axes.collections) == len(shown.get("bands", {}))
        box = axes.yaxis.label.get_window_extent()
        assert box.x0 > 0


def _axes(about: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Axes, set[str]]:
    """The axes of a picture, and the names of their lines."""
    drawn: list[Figure] = []
    saved = Figure.savefig

    def save(figure: Figure, *args: Any, **kwargs: Any) -> None:
        drawn.append(figure)
        saved(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", save)
    picture(about)
    (axes,) = drawn[0].axes
    return axes, {str(line.get_label()) for line in axes.get_lines()}


def test_a_published_page_names_its_picture(report: Path, tmp_path: Path) -> None:
    index = publish(report, tmp_path / "site")
    page = (tmp_path / "site" / "study" / "report.html").read_text("utf-8")
    assert re.findall('<meta property="og:image" content="(.*)">', page) == [PREVIEW]
    assert (tmp_path / "site" / "study" / PREVIEW).read_bytes().startswith(b"\x89PNG")
    assert f'<meta property="og:image" content="study/{PREVIEW}">' in index.read_text("utf-8")
    assert "og:image" not in (report / "report.html").read_text("utf-8")
    # It says nothing else than what was compiled, and publishing it from there changes nothing.
    published = tmp_path / "site" / "study"
    assert list(compare_files(published, read_made(published)[1])) == []
    publish(published, tmp_path / "other")
    assert (tmp_path / "other" / "study" / "report.html").read_text("utf-8") == page
    (published / "report.html").write_text(page.replace("A study", "Another"), "utf-8")
    assert list(compare_files(published, read_made(published)[1])) == ["report.html has changed"]


def test_a_site_with_a_domain_has_addresses(report: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "CNAME").write_text("Reports.Example.org\n")
    index = publish(report, site)
    base = "https://reports.example.org/"
    page = (site / "study" / "report.html").read_text("utf-8")
    assert f'<meta property="og:image" content="{base}study/{PREVIEW}">' in page
    assert f'<meta property="og:image" content="{base}study/{PREVIEW}">' in index.read_text("utf-8")
    feed = ElementTree.parse(site / "feed.xml").getroot()
    links = [each.get("href") for each in feed.iter("{http://www.w3.org/2005/Atom}link")]
    assert links == [f"{base}feed.xml", f"{base}study/report.html"]
    publish(report, site)
    assert (site / "study" / "report.html").read_text("utf-8") == page


@pytest.mark.parametrize("domain", ["", "no domain", "a.b/<x>", "localhost", "x" * 300])
def test_what_is_no_domain_is_no_address(domain: str, tmp_path: Path) -> None:
    (tmp_path / "CNAME").write_text(domain)
    assert address(tmp_path) == ""
