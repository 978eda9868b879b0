"""Kills between any two file operations, flipped bits and tampering: no cell is lost, none is called done."""

from __future__ import annotations

import os
import random
import shutil
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from posharness.contracts import CellOutcome, Status
from posharness.store import Store
from posharness.store.maintenance import check_store
from posharness.training.checkpoint import AtomicCheckpointIO, resumable
from tests.core.store.test_store import CELL, begun, complete, make_cell, write_results
from tests.faults.amount import amount
from tests.faults.crashing import ended_before

pytestmark = pytest.mark.faults


def finish(store: Store, outcome: CellOutcome) -> None:
    """What the process of a cell does from its checkpoint to its place in the store."""
    with store.begin(CELL) as work:
        folder = begun(work).folder
        later = time.time() + 9  # it trained on, and wrote another checkpoint
        os.utime(folder / "checkpoint.ckpt", (later, later))
        write_results(folder, '{"a": 1}')
        begun(work).finish(outcome)


@pytest.mark.parametrize("ended", ["done", "crashed", "failed"])
@pytest.mark.parametrize("before", [False, True])
def test_a_process_killed_before_any_file_operation_loses_nothing(
    tmp_path: Path, ended: Status, before: bool
) -> None:
    """With and without an earlier result that was worse."""
    number = 0
    while True:
        store = Store.open(tmp_path / str(number), create=True)
        if before:
            with store.begin(CELL) as work:
                begun(work).finish(CellOutcome("failed", "why"))
        with store.begin(CELL) as work:
            (begun(work).folder / "checkpoint.ckpt").write_text("hours")
        outcome = CellOutcome(ended, "" if ended == "done" else "why")
        killed = ended_before(number, partial(finish, store, outcome))
        status = store.status(CELL.key)
        assert status is not None, number
        assert not list(check_store(store)), number
        if status.status == "done":
            assert store.results(CELL.key) == {"a": 1}
        else:
            assert status.status in ("interrupted", ended, "failed"), (number, status)
            with store.begin(CELL) as work:
                assert (begun(work).folder / "checkpoint.ckpt").read_text() == "hours", number
            complete(store, CELL, '{"a": 1}')
        assert store.done(CELL.key), number
        shutil.rmtree(store.path)
        if not killed:
            break
        number += amount(1, 4)
    assert number > 10


def test_a_process_killed_while_it_writes_a_checkpoint_keeps_the_one_before(tmp_path: Path) -> None:
    path, write = tmp_path / "checkpoint.ckpt", AtomicCheckpointIO().save_checkpoint
    number, seen = 0, set()
    killed = True
    while killed:
        write({"posharness_cell": "k", "step": 1}, path)
        killed = ended_before(number, partial(write, {"posharness_cell": "k", "step": 2}, path))
        assert resumable(path, "k") == path
        seen.add(torch.load(path, weights_only=True)["step"])
        write({"posharness_cell": "k", "step": 3}, path)
        assert torch.load(path, weights_only=True)["step"] == 3
        number += 1
    assert seen == {1, 2}
    assert number > 3


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    store = Store.open(tmp_path, create=True)
    with store.begin(CELL) as work:
        write_results(begun(work).folder, '{"a": 1}')
        (begun(work).folder / "weights.safetensors").write_bytes(random.Random(0).randbytes(500))
        (begun(work).folder / "plugins").mkdir()
        (begun(work).folder / "plugins" / "mine.py").write_text("print(1)\n")
        begun(work).finish(CellOutcome("done"))
    home = store.home(CELL.key)
    places = [
        (path, bit)
        for path in sorted(home.rglob("*"))
        if path.is_file()
        for bit in range(8 * path.stat().st_size)
    ]
    chosen = random.Random(1).sample(places, min(len(places), amount(len(places), 300)))
    for path, bit in chosen:
        whole = path.read_bytes()
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        assert not store.done(CELL.key), (path, bit)
        assert len(list(check_store(store))) == 1, (path, bit)
        path.write_bytes(whole)
    assert store.done(CELL.key)
    assert not list(check_store(store))


_WAYS = ("cut", "lengthen", "remove", "add", "exchange", "fill", "rename", "link", "empty", "all")


def tamper(chance: random.Random, home: Path, other: Path) -> str:
    """Change something in a cell's folder, as an interrupted copy, a disk or a hand would; say what."""
    files = sorted(path for path in home.rglob("*") if path.is_file())
    path = chance.choice(files)
    content = path.read_bytes()
    name = chance.choice(_WAYS)
    if name == "cut":
        path.write_bytes(content[: chance.randrange(max(1, len(content)))] if content else b"x")
    elif name == "lengthen":
        path.write_bytes(content + chance.randbytes(3))
    elif name == "remove":
        path.unlink()
    elif name == "add":
        (home / chance.choice(["mechanism.parquet", "x", "a b", "é"])).write_bytes(chance.randbytes(5))
    elif name == "exchange":
        twin = other / path.relative_to(home)
        path.write_bytes(twin.read_bytes() if twin.read_bytes() != content else b"other" + content)
    elif name == "fill":
        path.write_bytes(bytes(len(content)) or b"0")
    elif name == "rename":
        path.rename(path.with_name(f"{path.name}.bak"))
    elif name == "link":
        path.unlink()
        path.symlink_to(chance.choice(["/dev/null", "nowhere", "/etc/hostname", str(other / "status.json")]))
    elif name == "empty":
        shutil.rmtree(home)
        home.mkdir()
    else:
        shutil.rmtree(home)
        shutil.copytree(other, home)
    return f"{name} {path.name}"


def test_no_tampering_is_unseen_unreported_or_kept(tmp_path: Path) -> None:
    store = Store.open(tmp_path, create=True)
    other = make_cell(1)
    complete(store, other, '{"b": 2}')
    for number in range(amount(310, 40)):
        complete(store, CELL, '{"a": 1}')
        assert store.done(CELL.key), number
        done = tamper(random.Random(number), store.home(CELL.key), store.home(other.key))
        assert not store.done(CELL.key), (number, done)
        status = store.status(CELL.key)
        assert status is not None
        assert status.status == "failed", (number, done)
        assert status.reason.isprintable()
        assert [problem.cell for problem in check_store(store)] == [CELL.key], (number, done)
    complete(store, CELL, '{"a": 1}')
    assert store.results(CELL.key) == {"a": 1}
    assert len(list((store.path / "aside").iterdir())) == amount(310, 40)


def test_a_copy_that_was_interrupted_is_not_done(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "a", create=True)
    complete(store, CELL, '{"a": 1}')
    copy = Store.open(tmp_path / "b", create=True)
    files = sorted(os.listdir(store.home(CELL.key)))
    for number in range(len(files)):
        home = copy.home(CELL.key)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        for name in files[:number]:
            shutil.copy2(store.home(CELL.key) / name, home / name)
        assert not copy.done(CELL.key), files[:number]
