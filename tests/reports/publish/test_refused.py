"""What is refused: ids that are paths, links, the files of others. None of them is touched or published."""

import json
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from posharness.contracts import HarnessWarning, UserError
from posharness_reports.publish.static_folder import publish
from tests.core.commands import harness
from tests.reports.publish.small_reports import contents, linked, write_report

SECRET = "four years of work"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a thesis, a site of one report, and a second report to publish."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text(SECRET)
    (tmp_path / "thesis" / "report.svg").write_text(SECRET)
    publish(write_report(tmp_path / "published" / "older-report"), tmp_path / "site")
    write_report(tmp_path / "compiled" / "this-report")
    return tmp_path


def snapshot(folder: Path) -> Mapping[str, object]:
    """Everything in a folder, with its content and the target of each link."""
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def refusal(report: Path, site: Path) -> str:
    """The sentence that `harness publish` ends with, in which nothing has changed."""
    root = site.parent
    before = snapshot(root)
    ended = harness("publish", report, "--to", site)
    assert ended.status == 2
    assert not ended.out
    assert ended.err.count("\n") == 1
    assert snapshot(root) == before
    with pytest.raises(UserError):
        publish(report, site)
    assert snapshot(root) == before
    return ended.err


def with_fields(report: Path, **fields: Any) -> Path:
    about = json.loads((report / "report.json").read_text())
    (report / "report.json").write_text(json.dumps(about | fields))
    return report


@pytest.mark.parametrize(
    "unsafe",
    ["{home}/thesis", "../thesis", "../../thesis", "thesis/../../thesis", "", ".", "..", "...",
     "/", "a/b", "ab",
     "-rf-", ".posharness", ".git", "index.html", "this-report\n", "this-report\0", "This-Report",
     "this_report",
     "thís-report", "\ud800\ud800\ud800\ud800", "a" * 65, "x" * 5000, "\x1b[2Jabcd", 5, 1234567,
     None, True, 0.5,
     ["this-report"], {"a": 1}],
    ids=lambda value: ascii(value)[:24],
)  # fmt: skip
def test_an_id_that_is_no_plain_name(home: Path, unsafe: Any) -> None:
    if isinstance(unsafe, str):
        unsafe = unsafe.replace("{home}", str(home))
    report = with_fields(home / "compiled" / "this-report", id=unsafe)
    said = refusal(report, home / "site")
    assert "'id' in report.json is" in said
    assert "expected the name of a folder" in said
    assert "\x1b[2J" not in said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ["a"]), ("title", None), ("title", 3), ("title", "\udc80"),
        ("created", 20260101), ("created", {}),
        ("headline", []), ("cells", 3), ("cells", ["done"]), ("cells", {"done": "two"}),
        ("cells", {"done": True}),
        ("cells", {"done": float("nan")}), ("cells", {"\ud800": 1}), ("tasks", "copy"), ("tasks", [1]),
        ("tasks", [["copy"]]), ("tasks", None), ("encodings", {"rope": 1}), ("encodings", [None]),
        ("encodings", ["\udfff"]),
    ],
    ids=lambda value: ascii(value)[:24],
)  # fmt: skip
def test_a_field_of_a_wrong_type(home: Path, field: str, value: Any) -> None:
    report = with_fields(home / "compiled" / "this-report", **{field: value})
    assert f"{field!r} in report.json is" in refusal(report, home / "site")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"3", b"{}", b'{"format": 1}', b'{"format": [1]}', b"\xff\xfe",
     b"[" * 100_000,
     b'{"a":' * 100_000, b'{"format": ' + b"9" * 5000 + b"}", b"\xef\xbb\xbf{}"],
    ids=lambda content: ascii(content)[:24],
)  # fmt: skip
def test_a_report_json_that_is_none(home: Path, content: bytes) -> None:
    (home / "compiled" / "this-report" / "report.json").write_bytes(content)
    assert "report.json" in refusal(home / "compiled" / "this-report", home / "site")


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("report.html", "thesis/thesis.tex"), ("report.md", "thesis/thesis.tex"),
        ("report.json", "thesis/thesis.tex"),
        ("figures", "thesis"), ("tables", "thesis"), ("figures/report.svg", "thesis/report.svg"),
        ("tables/all.csv", "thesis/thesis.tex"), ("tables/nowhere.tex", "missing"),
        ("figures/notes.txt", "thesis"),
        ("more", "thesis"),
    ],
)  # fmt: skip
def test_a_link_in_a_report(home: Path, place: str, target: str) -> None:
    link = home / "compiled" / "this-report" / place
    if link.is_dir():
        link.rename(home / "moved")
    link.unlink(missing_ok=True)
    link.symlink_to(home / target)
    assert f"{place!r} is a link" in refusal(home / "compiled" / "this-report", home / "site")


@pytest.mark.parametrize("place", ["report.html", "report.json", "figures/pipe.svg"])
def test_a_pipe_in_a_report_is_not_waited_for(home: Path, place: str) -> None:
    pipe = home / "compiled" / "this-report" / place
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="is not a file"):
        publish(home / "compiled" / "this-report", home / "site")


def test_only_the_files_of_a_report_are_copied(home: Path) -> None:
    report = home / "compiled" / "this-report"
    expected = contents(report)
    for other in (
        "notes.txt",
        ".env",
        "figures/.svg.swp",
        "figures/draft.ai",
        "tables/run.sh",
        "figures/deep/a.svg",
    ):
        (report / other).parent.mkdir(exist_ok=True)
        (report / other).write_text(SECRET)
    publish(report, home / "site")
    assert contents(home / "site" / "this-report") == expected


def thesis_in_its_place(target: Path) -> None:
    target.mkdir()
    (target / "thesis.tex").write_text(SECRET)


def empty_folder(target: Path) -> None:
    target.mkdir()


def a_file(target: Path) -> None:
    target.write_text(SECRET)


def link_to_the_thesis(target: Path) -> None:
    target.symlink_to(target.parent.parent / "thesis")


def dead_link(target: Path) -> None:
    target.symlink_to("nowhere")


def link_to_another_report(target: Path) -> None:
    target.symlink_to("older-report")


def report_of_another_id(target: Path) -> None:
    with_fields(write_report(target), id="stranger")


def damaged_report(target: Path) -> None:
    (write_report(target) / "report.json").write_text("{")


def earlier_report_with_notes(target: Path) -> None:
    (write_report(target, words="earlier") / "notes.txt").write_text(SECRET)


def earlier_report_with_notes_in_figures(target: Path) -> None:
    (write_report(target, words="earlier") / "figures" / "notes.txt").write_text(SECRET)


def earlier_report_with_linked_figures(target: Path) -> None:
    write_report(target, words="earlier")
    (target / "figures").rename(target.parent.parent / "figures")
    (target / "figures").symlink_to(target.parent.parent / "thesis")


def earlier_report_with_a_linked_table(target: Path) -> None:
    (write_report(target, words="earlier") / "tables" / "t.csv").symlink_to(
        target.parent.parent / "thesis" / "thesis.tex"
    )


@pytest.mark.parametrize(
    "occupy",
    [
        thesis_in_its_place, empty_folder, a_file, link_to_the_thesis, dead_link, link_to_another_report,
        report_of_another_id, damaged_report, earlier_report_with_notes, earlier_report_with_notes_in_figures,
        earlier_report_with_linked_figures, earlier_report_with_a_linked_table,
    ],
)  # fmt: skip
def test_something_else_in_the_place_of_the_report(home: Path, occupy: Callable[[Path], None]) -> None:
    occupy(home / "site" / "this-report")
    said = refusal(home / "compiled" / "this-report", home / "site")
    assert "Move it elsewhere" in said
    assert linked(home / "site") == ["older-report"]


@pytest.mark.parametrize("link", [True, False])
@pytest.mark.parametrize("page", ["index.html", "feed.xml"])
def test_an_index_page_or_feed_of_somebody_else(home: Path, page: str, link: bool) -> None:
    index = home / "site" / page
    index.unlink()
    if link:
        index.symlink_to(home / "thesis" / "thesis.tex")
    else:
        index.write_text("<h1>My home page</h1>")
    assert "did not write it" in refusal(home / "compiled" / "this-report", home / "site")


@pytest.mark.parametrize("place", [".posharness", ".posharness/unfinished", ".posharness/publish.lock"])
def test_a_link_in_the_place_of_the_lock(home: Path, place: str) -> None:
    own = home / "site" / place
    if own.is_dir():
        own.rename(home / "moved")
    own.unlink(missing_ok=True)
    own.symlink_to(home / "thesis" / ("thesis.tex" if place.endswith("lock") else ""))
    assert "is a link" in refusal(home / "compiled" / "this-report", home / "site")


def test_a_site_inside_the_report(home: Path) -> None:
    report = home / "compiled" / "this-report"
    for site in (report, report / "figures"):
        with pytest.raises(UserError, match="inside the report"):
            publish(report, site)
    assert contents(report) == contents(write_report(home / "again" / "this-report"))


@pytest.mark.parametrize("path", ["x" * 300, "y/" * 3000])
def test_a_path_that_no_system_takes(home: Path, path: str) -> None:
    for report, site in ((Path(path), home / "site"), (home / "compiled" / "this-report", Path(path))):
        ended = harness("publish", report, "--to", site)
        assert ended.status == 2
        assert "File name too long" in ended.err


def test_the_paths_that_a_user_gives_may_be_links(home: Path) -> None:
    (home / "latest").symlink_to(home / "compiled" / "this-report")
    (home / "public").symlink_to(home / "site")
    assert publish(home / "latest" / "report.html", home / "public") == home / "public" / "index.html"
    assert linked(home / "site") == ["older-report", "this-report"]


def test_a_report_can_be_published_where_it_is(home: Path) -> None:
    before = contents(home / "compiled" / "this-report")
    publish(home / "compiled" / "this-report", home / "compiled")
    assert contents(home / "compiled" / "this-report") == before
    assert linked(home / "compiled") == ["this-report"]


def plant_strangers(site: Path) -> None:
    """Folders beside the reports that look like reports and are none."""
    (write_report(site / "damaged-report") / "report.json").write_text("{")
    with_fields(write_report(site / "wrong-types"), tasks=3)
    with_fields(write_report(site / "other-id"), id="this-report")
    (write_report(site / "no-page") / "report.html").unlink()
    write_report(site / "Upper_Case")
    (site / "linked-report").symlink_to("older-report")
    (write_report(site / "deep-json") / "report.json").write_text("[" * 100_000)
    (site / "assets").mkdir()
    (site / "assets" / "logo.svg").write_text(SECRET)


STRANGERS = (
    "damaged-report", "wrong-types", "other-id", "no-page", "Upper_Case", "linked-report", "deep-json"
)  # fmt: skip


@pytest.mark.filterwarnings("ignore::posharness.contracts.HarnessWarning")
def test_damaged_and_foreign_reports_are_named_and_left_alone(home: Path) -> None:
    site = home / "site"
    plant_strangers(site)
    before = snapshot(site)
    ended = harness("publish", home / "compiled" / "this-report", "--to", site)
    assert ended.status == 0
    assert ended.out.strip() == str(site / "index.html")
    assert linked(site) == ["older-report", "this-report"]
    assert ended.err.count("warning: ") == ended.err.count("\n") == len(STRANGERS)
    for name in STRANGERS:
        assert f"{site / name} is not a published report: " in ended.err
    after = snapshot(site)
    for path in before.keys() - {str(site / "index.html"), str(site / "feed.xml")}:
        assert after[path] == before[path]
    with pytest.warns(HarnessWarning, match="damaged-report"):
        publish(home / "compiled" / "this-report", site)


def test_a_report_that_somebody_removed_is_no_longer_listed(home: Path) -> None:
    (home / "site" / "older-report").rename(home / "away")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        publish(home / "compiled" / "this-report", home / "site")
    assert linked(home / "site") == ["this-report"]
