"""Cells in job arrays of Slurm have the bits of local ones, whether cancelled or out of time in between."""

from __future__ import annotations

import importlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from posharness.contracts import CellOutcome, Event, Finished, Progress
from posharness.executors import LocalRunner
from posharness.executors.slurm import SlurmExecutor, SlurmLauncher
from posharness.store import Store

from .cells import PLUGIN, assert_same_as_local, execute, make_cell
from .slurm_cluster import missing, slurm_cluster

pytestmark = pytest.mark.cluster
pytest.importorskip("submitit", reason="submitit is not installed: pip install 'posharness[slurm]'")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    if reason := missing():
        pytest.skip(reason)
    with slurm_cluster():
        yield


def test_an_array_of_cells_and_one_that_is_cancelled(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    flag.touch()
    store = Store.open(tmp_path / "slurm", create=True)
    doomed, *others = cells = [make_cell(7, flag, steps=600), make_cell(1), make_cell(2)]
    events: list[Event] = []

    def observe(event: Event) -> None:
        events.append(event)
        if isinstance(event, Progress) and event.key == doomed.key and flag.exists():
            flag.unlink()
            listed = subprocess.check_output(["squeue", "-h", "-r", "-o", "%i"], text=True).split()
            subprocess.check_call(["scancel", min(listed)])

    run = LocalRunner(store.path, (PLUGIN,))
    SlurmExecutor(workers=2).execute(cells, run=run, observe=observe)
    ended = {event.key: event.outcome for event in events if isinstance(event, Finished)}
    assert [ended[cell.key].status for cell in others] == ["done", "done"]
    assert ended[doomed.key].status in ("interrupted", "crashed"), ended
    assert_same_as_local(others, store.path, tmp_path / "local")
    execute(SlurmExecutor(), cells, store.path)  # which resumes it
    assert store.done(doomed.key)


def test_a_job_near_its_time_limit_goes_back_to_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", here)  # the job finds the file by it
    work: Any = importlib.import_module("attempts").Attempts(tmp_path)
    executor = SlurmExecutor(time=1, warning=40)
    launcher = SlurmLauncher(tmp_path / "slurm", executor.options, 1, executor.requeues)
    (job,) = launcher.launch([make_cell(0)], work)
    while not job.ended():
        time.sleep(1)
    assert job.outcome() == CellOutcome("done", "attempt 2")
    assert (tmp_path / "attempt0").read_text() == "stopped with a checkpoint"
    assert "Restarts=1" in subprocess.check_output(["scontrol", "show", "job"], text=True)
