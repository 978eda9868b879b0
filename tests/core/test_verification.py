"""Every change of a report, of its data and of its cells is named."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from posharness.contracts.strict_json import strict_json
from posharness.errors import UserError
from posharness.store import Store
from posharness.verification import (
    Made,
    compare_files,
    compare_numbers,
    compare_store,
    digest_of,
    read_made,
    write_made,
)
from tests.core.store.test_store import CELL, complete, make_cell

FILES = {
    "report.html": "<p>0.5 and\n0.75</p>",
    "report.md": "The accuracy is 0.5.\nThe other is 0.75.\n",
    "report.json": '{"id": "abcd"}\n',
    "tables/accuracy.csv": "encoding,length,accuracy\nrope,32,0.5\nalibi,64,0.75\n",
    "tables/accuracy.tex": "rope & 0.5\n",
    "figures/accuracy.svg": "<svg>0.5</svg>",
    "figures/accuracy.png": "png",
}


def write_report(folder: Path, store: Store) -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    cells = {key: digest_of(store, key) for key in store.keys()}  # noqa: SIM118
    write_made(folder, Made("A title", "", None, "html", "harness report runs", {}, cells))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path / "runs", create=True)
    complete(store, CELL)
    complete(store, make_cell(1))
    return store


@pytest.fixture
def report(tmp_path: Path, store: Store) -> Path:
    return write_report(tmp_path / "report", store)


def differences(report: Path, store: Store, tmp_path: Path) -> list[str]:
    made, content = read_made(report)
    again = tmp_path / "again"
    if not again.exists():
        write_report(again, store)
    return [
        *compare_files(report, content),
        *compare_store(made, store),
        *compare_numbers(report, again),
    ]


def test_nothing_differs_as_long_as_nothing_changed(report: Path, store: Store, tmp_path: Path) -> None:
    assert differences(report, store, tmp_path) == []
    _, content = read_made(report)
    assert content["numbers"]["tables/accuracy.csv"] == [
        ["encoding", "length", "accuracy"],
        ["rope", 32, 0.5],
        ["alibi", 64, 0.75],
    ]
    assert content["cpu"]["name"]
    assert content["versions"]["posharness"]


def replace(name: str, old: str, new: str) -> Callable[[Path, Path], None]:
    def change(report: Path, cells: Path) -> None:
        path = report / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return change


CHANGES: dict[str, Callable[[Path, Path], object]] = {
    "a number of the page": replace("report.html", "0.75", "0.85"),
    "a number of the text": replace("report.md", "0.5", "0.6"),
    "a word of the text": replace("report.md", "other", "best"),
    "a line of the text less": replace("report.md", "The other is 0.75.\n", ""),
    "a number of a table": replace("tables/accuracy.csv", "0.75", "0.76"),
    "a length of a table": replace("tables/accuracy.csv", "64", "65"),
    "a name of a table": replace("tables/accuracy.csv", "alibi", "rope"),
    "a column's name": replace("tables/accuracy.csv", "accuracy", "error"),
    "a row less": replace("tables/accuracy.csv", "rope,32,0.5\n", ""),
    "a row more": replace("tables/accuracy.csv", "rope,", "nope,32,0.4\nrope,"),
    "a number of a LaTeX table": replace("tables/accuracy.tex", "0.5", "0.9"),
    "a number of a drawing": replace("figures/accuracy.svg", "0.5", "0.9"),
    "an image": replace("figures/accuracy.png", "png", "PNG"),
    "report.json": replace("report.json", "abcd", "abce"),
    "a table less": lambda report, _: (report / "tables/accuracy.csv").unlink(),
    "a figure more": lambda report, _: (report / "figures/b.svg").write_text("<svg/>"),
    "a cell's file": lambda _, cells: (cells / CELL.key / "predictions.parquet").write_text("x"),
    "a cell less": lambda _, cells: shutil.rmtree(cells / CELL.key),
    "a cell's frame less": lambda _, cells: (cells / CELL.key / "curve.parquet").unlink(),
    "one cell for another": lambda _, cells: (
        shutil.rmtree(cells / CELL.key),
        shutil.copytree(cells / make_cell(1).key, cells / CELL.key),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_named(report: Path, store: Store, tmp_path: Path, change: str) -> None:
    differences(report, store, tmp_path)
    CHANGES[change](report, store.path / "cells")
    assert differences(report, store, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_change_that_fits_all_checksums_is_found_by_making_the_report_again(
    report: Path, store: Store, tmp_path: Path, name: str
) -> None:
    (report / name).write_text(FILES[name].replace("5", "6").replace("png", "PNG").replace("abcd", "abce"))
    made, _ = read_made(report)
    write_made(report, made)  # by someone who knows how
    found = differences(report, store, tmp_path)
    assert found
    assert all(line.startswith(name) for line in found)


def test_a_cell_that_was_made_again_is_named(report: Path, store: Store) -> None:
    with store.replacing(CELL.key):
        store.set_aside(CELL.key)
    complete(store, CELL, '{"other": 1}')
    made, _ = read_made(report)
    assert list(compare_store(made, store)) == [f"cell {CELL.key[:12]} was made again since"]


def test_an_edited_record_is_refused(report: Path) -> None:
    path = report / "made.json"
    content = json.loads(path.read_text())
    content["numbers"]["tables/accuracy.csv"][1][2] = 0.9
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"made.json is damaged"):
        read_made(report)
    path.unlink()
    with pytest.raises(UserError, match=r"has no made.json"):
        read_made(report)


@pytest.mark.parametrize(
    "field",
    [
        {"numbers": {"tables/accuracy.csv": 3}},
        {"numbers": {"tables/accuracy.csv": [3]}},
        {"numbers": {}},
        {"numbers": {"tables/accuracy.csv": [], "tables/other.csv": [["a"]]}},
        {"cells": {"../../x": "y"}},
        {"cells": {CELL.key: 3}},
        {"level": "high"},
        {"level": 2.0},
        {"title": ["x"]},
        {"compiler": 3},
    ],
)
def test_a_record_that_was_written_by_someone_who_knows_how_is_refused_or_named(
    report: Path, store: Store, tmp_path: Path, field: dict[str, object]
) -> None:
    path = report / "made.json"
    content = {k: v for k, v in json.loads(path.read_text()).items() if k != "digest"} | field
    digest = hashlib.sha256(strict_json(content, indent=1).encode()).hexdigest()
    path.write_text(strict_json({**content, "digest": digest}, indent=1) + "\n")
    found: list[str] = []
    with suppress(UserError):
        found = differences(report, store, tmp_path) or ["nothing"]
    assert found != ["nothing"]
