"""`harness verify` finds nothing where nothing was changed, and each of more than twenty planted changes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from posharness.store import Store
from posharness.store.checksums import write_checksums
from posharness.verification import read_made, write_made
from tests.core.commands import TINY, CommandResult, harness
from tests.faults.amount import amount

pytestmark = pytest.mark.faults

Change = Callable[[Path, Path], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store `runs` of two runs, and its report."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "tiny.toml").write_text(TINY)
    store = folder / "runs"
    given = ("--plugins", "rope,absolute", "--config", folder / "tiny.toml", "--seeds", "2")
    ended = harness("run", *given, "--store", store, "--compiler", "html[figures=png]")
    assert ended.status == 0, ended.err
    return folder


def reports(store: Path) -> list[Path]:
    return sorted((store / "reports").iterdir())


def edit(pattern: str, old: str, new: str) -> Change:
    """Replace the first text that fits, in the first file that has one."""

    def change(report: Path, store: Path) -> None:
        for path in sorted(report.glob(pattern)):
            content = path.read_bytes().decode("latin-1")
            changed = re.sub(old, new, content, count=1)
            if changed != content:
                path.write_bytes(changed.encode("latin-1"))
                return
        raise AssertionError(f"nothing to change: {pattern} {old}")

    return change


def forged(change: Change) -> Change:
    """Make a change fit all checksums of the report, as someone would who knows how."""

    def forge(report: Path, store: Path) -> None:
        known, _ = read_made(report)
        change(report, store)
        write_made(report, known)

    return forge


def first(report: Path, pattern: str) -> Path:
    return sorted(report.glob(pattern))[0]


def flip_a_row(report: Path, store: Path) -> None:
    """A prediction of a cell, with the cell's checksums."""
    home = first(store, "cells/*")
    rows = pd.read_parquet(home / "predictions.parquet")
    rows.loc[0, "correct"] = not rows.loc[0, "correct"]
    rows.to_parquet(home / "predictions.parquet", index=False)
    write_checksums(home, home.name)


def exchange_cells(report: Path, store: Path) -> None:
    one, other = sorted((store / "cells").iterdir())[:2]
    for source, target in ((one, "x"), (other, one.name), (store / "cells" / "x", other.name)):
        source.rename(source.with_name(target))


CHANGES: dict[str, Change] = {
    "a number of the page": edit("report.html", r"0?\.\d\d\d", ".123"),
    "a number of the text": edit("report.md", r"\.\d\d", ".99"),
    "a word of the text": edit("report.md", "accuracy", "error"),
    "a number of a table": edit("tables/*.csv", r"\d\.\d+", "7.5"),
    "the name of a column": edit("tables/*.csv", "^[a-z]+", "other"),
    "a row of a table less": edit("tables/*.csv", r"\n[^\n]+\n$", "\n"),
    "an encoding for another": edit("tables/*.csv", "rope", "absolute"),
    "a number of a LaTeX table": edit("tables/*.tex", r"\d\d", "99"),
    "a coordinate of a drawing": edit("figures/*.svg", r"\d\d\.\d", "99.9"),
    "a byte of an image": edit("figures/*.png", "IDAT", "IDAU"),
    "a number of the data": edit("data/*.csv", r"\d\.\d+", "7.5"),
    "a byte of the data": lambda report, _: first(report, "data/*.parquet").write_bytes(b"PAR1") and None,
    "the headline": edit("report.json", '"headline": "', '"headline": "Not: '),
    "the id": edit("report.json", '"id": ".', '"id": "0'),
    "a word of the methods": edit("methods.txt", "seed", "speed"),
    "a figure less": lambda report, _: first(report, "figures/*.svg").unlink(),
    "a table more": lambda report, _: (report / "tables" / "more.csv").write_text("a\n1\n") and None,
    "a number of the record": edit("made.json", r"\d\.\d+", "7.5"),
    "the record less": lambda report, _: (report / "made.json").unlink(),
    "a number of the text, forged": forged(edit("report.md", r"\.\d\d", ".99")),
    "a number of a table, forged": forged(edit("tables/*.csv", r"\d\.\d+", "7.5")),
    "a number of the page, forged": forged(edit("report.html", r"0?\.\d\d\d", ".123")),
    "a row of the store": flip_a_row,
    "a cell less": lambda _, store: shutil.rmtree(first(store, "cells/*")),
    "a cell for another": exchange_cells,
}


def verify(store: Path) -> CommandResult:
    return harness("verify", reports(store)[0], "--store", store)


def test_nothing_is_found_where_nothing_was_changed(made: Path) -> None:
    ended = verify(made / "runs")
    assert ended.status == 0, ended.out
    assert ended.out.endswith(": 0 differences\n")


@pytest.mark.parametrize("change", [*CHANGES][:: amount(1, 5)])
def test_each_planted_change_is_found(made: Path, tmp_path: Path, change: str) -> None:
    store = tmp_path / "runs"
    shutil.copytree(made / "runs", store)
    CHANGES[change](reports(store)[0], store)
    ended = verify(store)
    assert ended.status in (1, 2), ended.out
    assert ended.status == 2 or not ended.out.endswith(" 0 differences\n")
    assert "Traceback" not in ended.out + ended.err
    assert Store.open(made / "runs", create=False).keys()


def test_a_published_report_is_verified_from_its_own_data(made: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert harness("publish", reports(made / "runs")[0], "--to", site).status == 0
    (report,) = (path for path in site.iterdir() if (path / "made.json").exists())
    assert harness("verify", report).status == 0
    edit("tables/*.csv", r"\d\.\d+", "7.5")(report, site)
    assert harness("verify", report).status == 1
