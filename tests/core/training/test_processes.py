"""The other processes of a cell that several devices train."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest

from posharness.contracts.cell import TrainerSettings
from posharness.training.place import Place
from posharness.training.processes import placed


def fork(place: Place, path: Path) -> None:
    """Fork a process, as data workers are, and write whether it ended."""
    forked = multiprocessing.get_context("fork").Process(target=int)
    forked.start()
    forked.join(5)
    path.with_suffix(".aside").write_text(f"{place.rank} {forked.exitcode}")
    path.with_suffix(".aside").rename(path)


def test_another_process_of_a_cell_can_fork_and_ends_with_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))  # where the other process finds `fork`
    path, end = tmp_path / "ended", time.monotonic() + 60
    with placed(TrainerSettings(devices=2), fork, path):
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.05)
    assert path.read_text() == "1 0"
