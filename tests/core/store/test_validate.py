"""Opening a store: what cannot be one is refused in one sentence, and nothing is written to it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from posharness.contracts import CellOutcome
from posharness.contracts.cell import Cell, Choice
from posharness.errors import UserError
from posharness.store import Store
from posharness.store.frames import read_frames

CELL = Cell(
    encoding=Choice(name="rope"), attention=Choice(name="softmax"), body="encoder", task=Choice(name="copy")
)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that any user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def without_rights(*folders: Path) -> Iterator[None]:
    """As a user who may only read the folders; root may write whatever the mode says."""
    modes = [folder.stat().st_mode for folder in folders]
    user = os.geteuid()
    for folder in folders:
        folder.chmod(0o555)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for folder, mode in zip(folders, modes, strict=True):
            folder.chmod(mode)


def test_makes_a_store_that_says_its_format(tmp_path: Path) -> None:
    path = tmp_path / "a" / "runs"
    assert Store.open(path, create=True).path == path
    assert json.loads((path / "store.json").read_text()).keys() == {"format", "posharness"}
    assert Store.open(path, create=False).keys() == []


def test_takes_an_empty_folder(tmp_path: Path) -> None:
    Store.open(tmp_path, create=True)
    assert (tmp_path / "store.json").exists()


@pytest.mark.parametrize("create", [True, False])
def test_refuses_a_file(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "runs"
    path.write_text("mine")
    with pytest.raises(UserError, match=r"runs is a file; .*--store"):
        Store.open(path, create=create)
    assert path.read_text() == "mine"


def test_refuses_a_path_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"cannot be (read|written) \(not a directory\); .*--store"):
        Store.open(tmp_path / "file" / "runs", create=True)


@pytest.mark.parametrize("create", [True, False])
def test_refuses_a_folder_of_something_else(tmp_path: Path, create: bool) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match=r"not empty and is not a store; .*--store"):
        Store.open(tmp_path, create=create)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_refuses_to_read_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no store at .* harness run --store"):
        Store.open(tmp_path / "runs", create=False)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("create", [True, False])
def test_refuses_another_format(tmp_path: Path, create: bool) -> None:
    (tmp_path / "store.json").write_text('{"format": 99, "posharness": "9.9"}')
    with pytest.raises(UserError, match=r"format 99 .*posharness 9\.9.*reads format 3"):
        Store.open(tmp_path, create=create)
    assert [entry.name for entry in tmp_path.iterdir()] == ["store.json"]


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_refuses_an_unreadable_description(tmp_path: Path, content: str) -> None:
    (tmp_path / "store.json").write_text(content)
    with pytest.raises(UserError, match=r"unreadable store\.json"):
        Store.open(tmp_path, create=True)


def test_refuses_to_write_where_it_may_not(reachable: Path) -> None:
    with (
        without_rights(reachable),
        pytest.raises(UserError, match=r"cannot be written \(permission denied\); make it writable"),
    ):
        Store.open(reachable / "runs", create=True)
    assert list(reachable.iterdir()) == []


def test_reads_where_it_may_not_write(reachable: Path) -> None:
    store = Store.open(reachable, create=True)
    with store.begin(CELL) as work:
        assert work is not None
        work.finish(CellOutcome("skipped", "why"))
    read_frames(store)  # brings imports, which another user may have no right to read
    with without_rights(reachable, reachable / "cells", reachable / "work"):
        with pytest.raises(UserError, match="cannot be written"):
            Store.open(reachable, create=True)
        reader = Store.open(reachable, create=False)
        assert read_frames(reader).cells["reason"].tolist() == ["why"]
