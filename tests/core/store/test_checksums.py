"""Whatever is changed in the folder of a cell is seen by every reader, set aside and made again."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from posharness.contracts import CellOutcome
from posharness.store import Store
from tests.core.store.test_store import CELL, begun, complete, make_cell, write_results

OTHER = make_cell(1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path / "runs", create=True)
    complete(store, CELL, '{"a": 1}')
    complete(store, OTHER, '{"a": 2}')
    return store


def age(folder: Path) -> None:
    """Wait until the times of a folder's files show the next change."""
    newest = max(path.stat().st_ctime for path in folder.iterdir())
    time.sleep(max(0.0, newest + 0.03 - time.time()))


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def swap(first: Path, second: Path) -> None:
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


def forge(folder: Path) -> None:
    """Change a file, and its line in the checksums, as someone would by hand."""
    path = folder / "checksums.json"
    held = json.loads(path.read_text())
    held["files"]["result.json"] = "0" * 64
    path.write_text(json.dumps(held))


Change = Callable[[Path, Path], object]
"""Changes the first folder; the second is that of another cell."""

CHANGES: dict[str, Change] = {
    "two cells change places": swap,
    "a file of another cell": lambda a, b: shutil.copy(b / "result.json", a / "result.json"),
    "all files of another cell": lambda a, b: (shutil.rmtree(a), shutil.copytree(b, a)),
    "a file less": lambda a, b: (a / "curve.parquet").unlink(),
    "a file more": lambda a, b: (a / "mechanism.parquet").write_text("mine"),
    "a file more, in a folder": lambda a, b: (
        (a / "plugins").mkdir(),
        (a / "plugins" / "x.py").write_text("1"),
    ),
    "a shorter file": lambda a, b: os.truncate(a / "weights.safetensors", 3),
    "an empty status": lambda a, b: (a / "status.json").write_text(""),
    "another seed": lambda a, b: (a / "cell.json").write_text(
        (a / "cell.json").read_text().replace('"seed": 0', '"seed": 7')
    ),
    "no checksums": lambda a, b: (a / "checksums.json").unlink(),
    "checksums of another cell": lambda a, b: shutil.copy(b / "checksums.json", a / "checksums.json"),
    "an edited checksum": lambda a, b: forge(a),
    "deep checksums": lambda a, b: (a / "checksums.json").write_text("[" * 10**5),
    "a pipe for a file": lambda a, b: ((a / "result.json").unlink(), os.mkfifo(a / "result.json")),
    "a folder for a file": lambda a, b: ((a / "result.json").unlink(), (a / "result.json").mkdir()),
    "a name that is no text": lambda a, b: Path(os.fsdecode(os.fsencode(a) + b"/\xff\x1b[31m")).touch(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_cell_is_damaged_set_aside_and_made_again(store: Store, change: str) -> None:
    home = store.home(CELL.key)
    age(home)
    assert store.done(CELL.key)
    before = (home / "result.json").read_text()
    CHANGES[change](home, store.home(OTHER.key))
    assert not store.done(CELL.key)
    status = store.status(CELL.key)
    assert status is not None
    assert status.status == "failed"
    assert status.reason.startswith("its folder is damaged: ")
    assert status.reason.isprintable()
    complete(store, CELL, before)
    assert store.done(CELL.key)
    assert [path.name for path in (store.path / "aside").iterdir()] == [CELL.key]


def test_a_flipped_bit_in_any_file_is_seen(store: Store) -> None:
    home = store.home(CELL.key)
    assert store.done(CELL.key)
    for path in sorted(home.iterdir()):
        for byte in range(0, path.stat().st_size, 17):
            flip(path, bit := 8 * byte + byte % 8)
            assert store.damage(CELL.key), (path.name, bit)
            flip(path, bit)
    assert not store.damage(CELL.key)


def test_a_change_is_seen_where_size_and_time_of_modification_are_as_before(store: Store) -> None:
    path = store.home(CELL.key) / "weights.safetensors"
    age(path.parent)
    assert store.done(CELL.key)
    times = path.stat()
    flip(path, 5)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not store.done(CELL.key)


def test_files_that_did_not_change_are_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    age(store.home(CELL.key))
    assert store.done(CELL.key)
    monkeypatch.setattr("posharness.store.store.damage", lambda *_: pytest.fail("read again"))
    assert store.done(CELL.key)
    with pytest.raises(pytest.fail.Exception, match="read again"):
        store.damage(CELL.key, remember=False)


def test_a_copied_store_is_judged_by_its_files(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.path, tmp_path / "copy")
    copy = Store.open(tmp_path / "copy", create=False)
    assert copy.done(CELL.key)
    flip(copy.home(CELL.key) / "result.json", 3)
    assert not copy.done(CELL.key)
    assert store.done(CELL.key)


def test_cells_that_did_not_end_as_done_have_checksums_too(store: Store) -> None:
    cell = make_cell(2)
    with store.begin(cell) as work:
        write_results(begun(work).folder)
        begun(work).finish(CellOutcome("diverged", "the loss is nan"))
    assert store.damage(cell.key) == ""
    flip(store.home(cell.key) / "status.json", 100)
    assert "status.json has changed" in store.damage(cell.key)


def test_damaged_cells_are_never_lost(store: Store) -> None:
    for number in range(3):
        (store.home(CELL.key) / "result.json").write_text(f"{number}")
        complete(store)
    kept = sorted((store.path / "aside").iterdir())
    assert [path.name for path in kept] == [f"{CELL.key}{suffix}" for suffix in ("", ".2", ".3")]
    assert [(path / "result.json").read_text() for path in kept] == ["0", "1", "2"]
