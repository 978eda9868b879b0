"""Cells in job arrays of Slurm have the bits of local ones, cancelled, out of time or on several machines."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from posharness.contracts import Event, Finished, Progress, Requeued, Started
from posharness.contracts.cell import TrainerSettings
from posharness.executors import LocalExecutor, LocalRunner
from posharness.executors.slurm import SlurmExecutor
from posharness.store import Store

from .cells import PLUGIN, assert_same_as_local, execute, make_cell
from .slurm_cluster import missing, slurm_cluster

pytestmark = pytest.mark.cluster
pytest.importorskip("submitit", reason="submitit is not installed: pip install 'posharness[slurm]'")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    if reason := missing():
        pytest.skip(reason)
    with slurm_cluster(nodes=2, cpus=1):
        yield


def test_an_array_of_cells_and_one_that_is_cancelled(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    flag.touch()
    store = Store.open(tmp_path / "slurm", create=True)
    doomed, *others = cells = [make_cell(7, flag, steps=600), make_cell(1), make_cell(2)]
    events: list[Event] = []

    def observe(event: Event) -> None:
        events.append(event)
        trains = isinstance(event, Progress) and event.step > 0
        if trains and event.key == doomed.key and flag.exists():
            flag.unlink()
            listed = subprocess.check_output(["squeue", "-h", "-r", "-o", "%i"], text=True).split()
            subprocess.check_call(["scancel", min(listed)])

    run = LocalRunner(store.path, (PLUGIN,))
    SlurmExecutor(workers=2).execute(cells, run=run, observe=observe)
    ended = {event.key: event.outcome for event in events if isinstance(event, Finished)}
    assert [ended[cell.key].status for cell in others] == ["done", "done"]
    assert ended[doomed.key].status == "interrupted", ended
    assert (store.path / "work" / doomed.key / "checkpoint.ckpt").exists()
    assert_same_as_local(others, store.path, tmp_path / "local")
    execute(SlurmExecutor(), cells, store.path)  # which resumes it
    assert store.done(doomed.key)


# On a busy machine the cell needs the time of a whole job to begin.
@pytest.mark.filterwarnings("ignore:No cell has started")
def test_a_cell_near_its_time_limit_goes_back_to_the_queue_with_a_checkpoint(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    flag.touch()
    cell = make_cell(3, flag, steps=1500)  # more than a minute at first
    events: list[Event] = []

    def observe(event: Event) -> None:
        events.append(event)
        if isinstance(event, Progress) and event.resumed:
            flag.unlink(missing_ok=True)

    run = LocalRunner(tmp_path / "slurm", (PLUGIN,))
    SlurmExecutor(time=1, warning=15).execute([cell], run=run, observe=observe)
    assert not flag.exists(), events[-1]
    changes = [type(event) for event in events if not isinstance(event, Progress)]
    assert changes[:3] == [Started, Requeued, Started]
    shown = subprocess.check_output(["scontrol", "show", "job"], text=True)
    assert re.search("Restarts=[1-9]", shown), shown
    assert_same_as_local([cell], tmp_path / "slurm", tmp_path / "local")


def test_a_run_that_is_stopped_leaves_no_job(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    flag.touch()
    cells = [make_cell(seed, flag, steps=1500) for seed in range(5)]  # three more than cores

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SlurmExecutor().execute(cells, run=LocalRunner(tmp_path / "slurm", (PLUGIN,)), observe=stop)
    assert not subprocess.check_output(["squeue", "-h", "-t", "PENDING,RUNNING"], text=True)
    store = Store.open(tmp_path / "slurm", create=False)
    assert list((store.path / "work").glob("*/checkpoint.ckpt"))


def test_two_machines_train_a_cell_as_two_processes_of_one_do(tmp_path: Path) -> None:
    two = [make_cell(5, trainer=TrainerSettings(**{name: 2})) for name in ("num_nodes", "devices")]
    store = Store.open(tmp_path / "store", create=True)
    for cell, executor in zip(two, (SlurmExecutor(), LocalExecutor()), strict=True):
        execute(executor, [cell], store.path)
        assert store.done(cell.key), store.status(cell.key)
    one, other = ((store.home(cell.key) / "predictions.parquet").read_bytes() for cell in two)
    assert one == other
