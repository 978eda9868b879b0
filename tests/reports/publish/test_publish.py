"""Publishing: an index of all reports, newest first; doing it twice changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from posharness.contracts import Frames, UserError
from posharness_reports import posharness_report_sections
from posharness_reports.compile.compiler import HtmlCompiler

Simulate = Callable[..., Frames]


@pytest.fixture
def make(simulated: Simulate, tmp_path: Path) -> Callable[[str, str], Path]:
    """Compile a small report with a title and a date, and give its report.html."""

    def compiled(title: str, started: str) -> Path:
        frames = simulated(default="waiting", tasks=("copy",), seeds=1)
        cells = frames.cells.assign(started=started)
        sections = [section() for section in posharness_report_sections()]
        return HtmlCompiler().compile(
            Frames(cells, frames.predictions, frames.curves), sections, title=title, folder=tmp_path / title
        )

    return compiled


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _publish(report: Path, to: Path) -> Path:
    return HtmlCompiler().publish(report, to=to)


def test_reports_are_listed_newest_first(make: Callable[[str, str], Path], tmp_path: Path) -> None:
    dates = {"middle": "2026-03-02", "oldest": "2025-01-01", "newest": "2026-03-03"}
    for title, day in dates.items():
        index = _publish(make(title, f"{day}T00:00:00Z"), tmp_path / "site")
    assert index == tmp_path / "site/index.html"
    page = index.read_text(encoding="utf-8")
    found = re.findall(r'<h2><a href="([^"]+)">([^<]+)</a>', page)
    assert [title for _, title in found] == ["newest", "middle", "oldest"]
    for link, title in found:
        assert title in (tmp_path / "site" / link).read_text(encoding="utf-8")
    assert "2026-03-03 00:00 UTC" in page
    assert "Tasks: copy" in page
    assert "Encodings: absolute, relative" in page
    assert "No result yet: 2 cells: 2 waiting." in page


def test_publishing_twice_changes_nothing(make: Callable[[str, str], Path], tmp_path: Path) -> None:
    report = make("study", "2026-01-01T00:00:00Z")
    _publish(report, tmp_path / "site")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*")}
    contents = _contents(tmp_path / "site")
    # The folder is as good as the page in it.
    _publish(report.parent, tmp_path / "site")
    assert _contents(tmp_path / "site") == contents
    assert {path: path.stat().st_mtime_ns for path in before if path.is_file()} == {
        path: time for path, time in before.items() if path.is_file()
    }


def test_a_report_is_published_under_the_id_of_its_folder(
    make: Callable[[str, str], Path], tmp_path: Path
) -> None:
    report = make("study", "2026-01-01T00:00:00Z")
    assert json.loads((report.parent / "report.json").read_text(encoding="utf-8"))["id"] == "study"
    _publish(report, tmp_path / "site")
    published, compiled = _contents(tmp_path / "site" / "study"), _contents(report.parent)
    # Only the picture of its link is added, and named in the page.
    assert published.pop("preview.png")
    page = re.sub(rb'<meta property="og:image.*">\n', b"", published["report.html"])
    assert {**published, "report.html": page} == compiled


def test_a_damaged_copy_is_mended_and_strangers_are_left_alone(
    make: Callable[[str, str], Path], tmp_path: Path
) -> None:
    report = make("study", "2026-01-01T00:00:00Z")
    (tmp_path / "site/assets").mkdir(parents=True)
    (tmp_path / "site/assets/logo.txt").write_text("mine")
    _publish(report, tmp_path / "site")
    contents = _contents(tmp_path / "site")
    (copy,) = (tmp_path / "site").glob("*/report.md")
    copy.write_text("torn")
    _publish(report, tmp_path / "site")
    assert _contents(tmp_path / "site") == contents


def test_what_is_no_report_is_refused_in_one_sentence(
    make: Callable[[str, str], Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="not a compiled report"):
        _publish(tmp_path / "nowhere", tmp_path / "site")
    report = make("study", "2026-01-01T00:00:00Z")
    about = report.parent / "report.json"
    whole = about.read_text(encoding="utf-8")
    for broken in ("{", "[]", "{}"):
        about.write_text(broken, encoding="utf-8")
        with pytest.raises(UserError, match="not a compiled report"):
            _publish(report, tmp_path / "site")
    about.write_text(whole.replace('"format": 1', '"format": 99'), encoding="utf-8")
    with pytest.raises(UserError, match="format 99"):
        _publish(report, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_target_that_cannot_hold_reports_is_refused(
    make: Callable[[str, str], Path], tmp_path: Path
) -> None:
    report = make("study", "2026-01-01T00:00:00Z")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        _publish(report, tmp_path / "file")
    with pytest.raises(UserError, match="cannot be written"):
        _publish(report, tmp_path / "file/site")
    assert (tmp_path / "file").read_text() == "mine"
