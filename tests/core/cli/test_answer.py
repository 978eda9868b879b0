"""The answer of a report in the terminal: the order of its first screen, in 80 columns."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from posharness.cli.answer import open_report, print_answer

ABOUT: dict[str, Any] = {
    "headline": "On copy: rope is ahead of absolute by 0.42 [0.30, 0.51].",
    "verdicts": [
        {"sign": "✓", "outcome": "borne out", "claim": "Relative ones are better.", "detail": "a − b +0.42"},
        {"sign": "?", "outcome": "undecided", "claim": "They adapt.", "detail": "needs seeds " * 12},
        {"sign": "–", "outcome": "not measured", "claim": "Twice.", "detail": "no runs"},
    ],
    "ranking": {
        "on": "over 3 tasks, teacher-forced",
        "rows": [
            {"label": "rope", "ranks": "1", "score": "0.93 [0.90, 0.96]", "best": True},
            {"label": "absolute[base=" + "9" * 60 + "]", "ranks": "2", "score": "0.51", "best": False},
        ],
        "left": 3,
    },
    "curve": {
        "title": "copy, at the training length: 48 tokens",
        "axis": ["dependency length in tokens", "accuracy"],
        "ticks": ["1", "2-3", "4-7", "8-15"],
        "lines": {"absolute[base=" + "9" * 60 + "]": [1.0, 0.5, None, 0.0], "rope": [1.0, 1.0, 1.0, 0.9]},
    },
}


def _printed(folder: Path, about: object, encoding: str = "utf-8", width: int = 80) -> str:
    (folder / "report.json").write_text(json.dumps(about), encoding="utf-8")
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, errors="replace")
    print_answer(Console(file=out, width=width, markup=False, highlight=False), folder / "report.html")
    out.flush()
    return raw.getvalue().decode(encoding)


def test_it_says_verdicts_ranking_and_curve_in_this_order(tmp_path: Path) -> None:
    text = _printed(tmp_path, ABOUT)
    places = [
        text.index(part)
        for part in ("On copy: rope", "✓ Relative", "borne out", "? They", "Ranking over 3", "1  rope", "█")
    ]
    assert places == sorted(places)
    assert "Twice" not in text  # a claim that nothing was measured of
    assert "and 3 more" in text


@pytest.mark.parametrize("width", [80, 200])
def test_it_takes_80_columns(tmp_path: Path, width: int) -> None:
    assert max(map(cell_len, _printed(tmp_path, ABOUT, width=width).splitlines())) <= 80


def test_blocks_are_as_high_as_the_accuracy(tmp_path: Path) -> None:
    lines = _printed(tmp_path, ABOUT).splitlines()
    rope, absolute, ticks = lines[-3:]
    assert rope.startswith("rope ")
    assert rope.split()[1:] == ["████", "████", "████", "▇▇▇▇"]
    assert absolute.split()[1:] == ["████", "▄▄▄▄", "····"]
    assert ticks.split() == ["1", "2-3", "4-7", "8-15"]
    begins = [i for i, sign in enumerate(rope) if sign != " " and rope[i - 1] == " "]
    assert [ticks.index(tick) for tick in ("1", "2-3", "4-7", "8-15")] == begins


def test_a_terminal_without_these_characters_gets_digits(tmp_path: Path) -> None:
    text = _printed(tmp_path, ABOUT, "ascii")
    assert text.splitlines()[-3].split() == ["rope", "9999", "9999", "9999", "8888"]


def test_labels_that_begin_alike_have_different_names_beside_the_curve(tmp_path: Path) -> None:
    lines = {f"rope[{'parameter=0,' * 5}end={end}]": [1.0] * 4 for end in (1, 2)}
    names = {label: f"rope[parameter…{label[-6:]}" for label in lines}
    curve = {**ABOUT["curve"], "lines": lines, "names": names}
    *_, one, two, _ = _printed(tmp_path, {**ABOUT, "curve": curve}).splitlines()
    assert [line.split(" █")[0] for line in (one, two)] == list(names.values())


@pytest.mark.parametrize("about", [{"headline": "x"}, [], "no report"])
def test_a_report_of_another_compiler_prints_nothing(tmp_path: Path, about: object) -> None:
    assert _printed(tmp_path, about) == ""


def test_a_report_is_opened_in_the_browser_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(browser.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setattr("webbrowser._tryorder", None)
    open_report(tmp_path / "report.html")
    assert opened.read_text().strip() == (tmp_path / "report.html").as_uri()


def test_where_no_browser_can_be_opened_the_page_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    open_report(tmp_path / "report.html")
    assert capsys.readouterr().err == (
        f"No browser could be opened; open {(tmp_path / 'report.html').resolve()} yourself.\n"
    )
