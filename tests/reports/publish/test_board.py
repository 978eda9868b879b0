"""The index page of a site: its board never mixes unlike runs, and its feed has every report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posharness.contracts import Frames, UserError
from posharness_reports.compile.compiler import HtmlCompiler
from posharness_reports.publish.board import boards
from posharness_reports.publish.static_folder import publish
from tests.reports.publish.small_reports import write_report

ATOM = "{http://www.w3.org/2005/Atom}"


def _row(task: str, label: str, like: str, value: float = 0.5) -> dict[str, Any]:
    return {"task": task, "scope": "at the training length", "label": label, "like": like, "value": value}


ROWS = st.lists(
    st.builds(_row, st.sampled_from(["copy", "recall"]), st.sampled_from("abc"), st.sampled_from("xyz"),
              st.floats(0, 1)),
    max_size=8,
)  # fmt: skip


def test_the_board_says_where_and_from_what_its_values_are(tmp_path: Path) -> None:
    rows = [
        {**_row("copy", "rope", like, 0.5), "at": "48 tokens, distance 36", "settings": words, "seeds": seeds}
        for like, words, seeds in (("a", "width=64 steps=800", 3), ("b", "width=64 steps=900", 1))
    ]
    index = publish(write_report(tmp_path / "compiled" / "this-report", board=rows), tmp_path / "site")
    page = index.read_text("utf-8")
    assert page.count("48 tokens, distance 36") == 2
    # Of the settings, those that differ: they are what makes two columns of it.
    assert ">steps=800<" in page
    assert ">steps=900<" in page
    assert "width=64" not in page
    assert "3 seeds, 2026-01-01" in page
    assert "1 seed, 2026-01-01" in page
    assert 'href="this-report/report.html" title="Report this-report">0.50</a>' in page
    assert "at the farthest tested distance" in page


def test_verdicts_have_their_colours_in_the_list(tmp_path: Path) -> None:
    verdicts = [
        {"sign": "✓", "tone": "good", "outcome": "borne out", "claim": "A is better."},
        {"sign": "?", "outcome": "undecided", "claim": "B is better."},
    ]
    index = publish(write_report(tmp_path / "compiled" / "this-report", verdicts=verdicts), tmp_path / "site")
    assert '<li class="good"><span class="sign"' in index.read_text("utf-8")
    assert '<li class="plain"><span class="sign"' in index.read_text("utf-8")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, max_size=4))
def test_a_column_holds_only_runs_that_are_alike_and_the_newest_of_each_label(
    tables: list[list[dict[str, Any]]],
) -> None:
    reports = [
        {"id": f"r-{i}", "title": f"{i}", "created": f"2026-01-0{9 - i}", "board": rows}
        for i, rows in enumerate(tables)
    ]
    newest: dict[tuple[str, str, str], tuple[str, float]] = {}
    for report in reports:
        for row in report["board"]:
            newest.setdefault((row["task"], row["like"], row["label"]), (report["id"], row["value"]))
    shown = [
        (column.task, column.settings, label, entry.report, entry.value)
        for board in boards(reports)
        for column in board.columns
        for label, entry in column.entries.items()
    ]
    assert len(shown) == len(newest)
    assert {(task, label, report, value) for task, _, label, report, value in shown} == {
        (task, label, report, value) for (task, _, label), (report, value) in newest.items()
    }
    # As many columns of a task as it has different settings.
    for task in ("copy", "recall"):
        assert len({n for name, n, *_ in shown if name == task}) == len(
            {like for name, like, _ in newest if name == task}
        )


def test_a_column_keeps_its_number_as_reports_are_added() -> None:
    old = {"id": "r-0", "title": "0", "created": "2026-01-01", "board": [_row("copy", "rope", "z", 0.5)]}
    new = {
        "id": "r-1",
        "title": "1",
        "created": "2026-01-02",
        "board": [_row("copy", label, "a", 0.5) for label in ("rope", "alibi")],
    }
    (board,) = boards([new, old])
    # What most encodings were run with stands first.
    assert [(column.settings, len(column.entries)) for column in board.columns] == [(2, 2), (1, 1)]
    assert boards([old])[0].columns[0].settings == 1


def test_the_page_links_each_value_to_its_report(tmp_path: Path) -> None:
    verdict = {"sign": "✓", "outcome": "borne out", "claim": "Better <b>.", "detail": ""}
    publish(
        write_report(
            tmp_path / "compiled" / "older-one",
            board=[_row("copy", "rope", "x", 0.25), _row("copy", "alibi", "x", 1.0)],
        ),
        tmp_path / "site",
    )
    index = publish(
        write_report(
            tmp_path / "compiled" / "newer-one",
            created="2026-02-01T00:00:00Z",
            compared="rope on copy, 3 seeds each.",
            verdicts=[verdict],
            curve={"figure": "accuracy", "title": "copy", "lines": {}},
            board=[_row("copy", "rope", "y", 0.75), _row("copy", "none", "y", -0.001)],
        ),
        tmp_path / "site",
    )
    page = index.read_text(encoding="utf-8")
    values = re.findall(r'<a href="([^"]+)/report.html" title="[^"]*">([\d.]+)</a>', page)
    assert sorted(values) == [
        ("newer-one", "0.00"),
        ("newer-one", "0.75"),
        ("older-one", "0.25"),
        ("older-one", "1.00"),
    ]
    assert ">0.00</a>" in page
    assert "copy (settings 1)" in page
    assert "copy (settings 2)" in page
    assert "rope on copy, 3 seeds each." in page
    assert "Better &lt;b&gt;. <strong>borne out</strong>" in page
    (picture,) = re.findall(r'<img src="([^"]+)"', page)
    assert (tmp_path / "site" / picture).is_file()


def test_the_feed_has_every_report_newest_first(tmp_path: Path) -> None:
    for i, name in enumerate(("first-one", "next-one")):
        created = f"2026-01-0{i + 1}T00:00:00Z"
        title = f"<{name}> & co"
        report = write_report(tmp_path / "compiled" / name, created=created, title=title)
        publish(report, tmp_path / "site")
    feed = ElementTree.parse(tmp_path / "site" / "feed.xml").getroot()
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == ["<next-one> & co", "<first-one> & co"]
    for entry in entries:
        link = entry.find(f"{ATOM}link")
        assert link is not None
        assert (tmp_path / "site" / link.attrib["href"]).is_file()
    assert feed.findtext(f"{ATOM}updated") == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    "fields",
    [
        {"verdicts": "all"},
        {"verdicts": [{"sign": "✓"}]},
        {"board": [_row("copy", "rope", "x") | {"value": "high"}]},
        {"curve": {"figure": "../../secret", "title": "copy"}},
        {"compared": 5},
    ],
)
def test_a_report_with_other_values_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    (name,) = fields
    with pytest.raises(UserError, match=f"'{name}' in report.json is"):
        publish(write_report(tmp_path / "compiled" / "this-report", **fields), tmp_path / "site")


def test_a_report_says_where_its_values_are_and_of_how_many_seeds(
    simulated: Callable[..., Frames], tmp_path: Path
) -> None:
    frames = simulated(("relative", "learned"), seeds=2, tasks=("copy",))
    report = HtmlCompiler().compile(frames, [], title="A", folder=tmp_path / "study")
    rows = json.loads((report.parent / "report.json").read_text("utf-8"))["board"]
    at = {row["scope"]: row["at"] for row in rows}
    assert re.fullmatch(r"\d+ tokens, distance [\d–]+", at["at the training length"])
    assert re.fullmatch(r"[\d, and]+ tokens", at["beyond the training length"])
    assert {row["seeds"] for row in rows} == {2}
    assert all("width=64" in row["settings"] and "train_length=" in row["settings"] for row in rows)
    # An encoding that is undefined in longer sequences has no value there, and is no obstacle.
    beyond = {row["label"] for row in rows if row["scope"] == "beyond the training length"}
    assert beyond == {"relative"}
