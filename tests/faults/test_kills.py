"""Kills at random moments, of any process of a run or of all: no result is lost, wrong or called done."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from posharness.executors import LocalExecutor, LocalRunner
from posharness.store import Store
from posharness.store.maintenance import check_store
from tests.faults.amount import amount
from tests.faults.processes import PLUGIN, Kind, RunningHarness, make_cell, until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]

KILLS: tuple[tuple[Kind, ...], ...] = (
    *[("cell",)] * 8,
    *[("harness",)] * 5,
    *[("server",)] * 2,
    *[("nursery",)] * 2,
    *[("harness", "server", "nursery", "cell")] * 3,
)
BITS = ("predictions.parquet", "weights.safetensors", "interventions.parquet")


def check_state(store: Store, reference: Store) -> int:
    """Every cell is done with the bits of the reference, or is known not to be; return how many are done."""
    assert [each for each in check_store(store) if not each.problem.endswith("removes it")] == []
    done = 0
    for key in reference.keys():  # noqa: SIM118
        status = store.status(key)
        if status is not None and status.status == "done":
            done += 1
            for name in BITS:
                ours, theirs = (each.home(key) / name for each in (store, reference))
                assert ours.exists() == theirs.exists()
                assert not ours.exists() or ours.read_bytes() == theirs.read_bytes(), name
        else:
            assert status is None or status.status in ("interrupted", "crashed", "running"), status
    return done


@pytest.mark.parametrize("part", range(amount(4, 1)))
def test_kills_at_random_moments_lose_nothing(tmp_path: Path, part: int) -> None:
    chance = random.Random(part)
    flag = tmp_path / "slow"
    cells = [make_cell(flag=flag, seed=seed) for seed in range(5)]
    reference = Store.open(tmp_path / "reference", create=True)
    LocalExecutor(workers=2).execute(
        cells, run=LocalRunner(reference.path, (PLUGIN,)), observe=lambda _: None
    )
    flag.touch()
    kills = (
        [chance.choice(KILLS) for _ in range(50)]
        if amount(1, 0)
        else [KILLS[0], KILLS[8], KILLS[13], KILLS[15], KILLS[-1]]
    )
    stores = runs = 0
    store = Store.open(tmp_path / "0", create=True)
    running: RunningHarness | None = None
    for kinds in kills:
        if running is None or running.ended():
            if check_state(store, reference) == len(cells):
                stores += 1
                store = Store.open(tmp_path / str(stores), create=True)
            runs += 1
            running = RunningHarness(tmp_path / f"run-{runs}", store, cells)
            if chance.random() < 0.8:
                until(running.started, 240)
        time.sleep(chance.uniform(0, 2.5))
        if kinds == ("cell",):
            until(running.trains, 240)
        running.kill(*kinds, which=chance.randrange(3))
        if "harness" in kinds:
            until(running.gone, 60)
            check_state(store, reference)
    flag.unlink()
    assert running is not None
    until(running.ended, 240)
    for _ in range(2):  # a cell that was killed is made by the next run
        runs += 1
        last = RunningHarness(tmp_path / f"run-{runs}", store, cells)
        until(last.ended, 240)
        assert "Traceback" not in last.output.read_text()
    assert check_state(store, reference) == len(cells)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_cell_that_never_lets_python_run_does_not_outlive_the_harness(
    tmp_path: Path, how: signal.Signals
) -> None:
    """It keeps the interpreter's lock, or is stopped; both get the time for a checkpoint, and no more."""
    store = Store.open(tmp_path / "runs", create=True)
    cells = [make_cell(mood) for mood in ("stop", "lock")]
    running = RunningHarness(tmp_path / "run", store, cells)
    until(
        lambda: running.output.read_text().count("Started") == 2 and len(running.processes()["cell"]) == 2,
        240,
    )
    os.kill(running.process.pid, how)
    until(running.gone, 40)
    for cell in cells:
        assert not store.busy(cell.key)
        status = store.status(cell.key)
        assert status is not None
        assert status.status == "interrupted"
    if how == signal.SIGINT:
        assert running.output.read_text().endswith("interrupted\n")
