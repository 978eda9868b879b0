"""A running cell is alive by the clock of the store's file system, whatever the clocks of machines say."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from posharness.contracts import Progress
from posharness.contracts.atomic_files import write_json
from posharness.contracts.cell import Cell, Choice
from posharness.store import Busy, Store
from posharness.store.clock import FolderClock

CELL = Cell(
    encoding=Choice(name="e"), attention=Choice(name="a"), body="encoder", task=Choice(name="t", label="t")
)


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_a_clock_that_is_wrong_changes_no_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    store, now = Store.open(tmp_path / "runs", create=True), time.time
    with store.begin(CELL) as work:
        assert work is not None
        work.report(Progress(CELL.key, "training", 3, 9))
        monkeypatch.setattr(time, "time", lambda: now() + ahead)
        assert Store(store.path).live(CELL.key) == Progress(CELL.key, "training", 3, 9)
        long_ago = now() - 60
        os.utime(work.folder / "live.json", (long_ago, long_ago))
        assert Store(store.path).live(CELL.key) is None


def test_a_folder_that_cannot_be_written_to_has_the_clock_of_the_machine(tmp_path: Path) -> None:
    assert FolderClock(tmp_path / "none").now() == pytest.approx(time.time(), abs=5)


def test_a_cell_that_another_machine_runs_is_busy_where_locks_are_not_shared(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "runs", create=True)
    with store.begin(CELL) as work:
        assert work is not None
        work.report(Progress(CELL.key, "training", 3, 9))
    assert not store.busy(CELL.key)
    # What is left of it looks like a cell of another machine, whose lock is not seen here.
    write_json(
        tmp_path / "runs" / "work" / f"{CELL.key}.holder", {"process": 1, "host": "other", "since": ""}
    )
    assert store.busy(CELL.key)
    with pytest.raises(Busy), store.begin(CELL):
        pass
    long_ago = time.time() - 60
    os.utime(work.folder / "live.json", (long_ago, long_ago))
    assert not store.busy(CELL.key)
