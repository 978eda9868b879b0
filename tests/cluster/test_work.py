"""Runs and workers on one store train each cell once, with the bits of a single run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from posharness.store import Store

pytestmark = pytest.mark.cluster

TINY = """
preset = "smoke"
plugins = ["absolute", "rope"]
tasks = ["copy"]
seeds = 4
[model]
width = 8
layers = 1
heads = 2
[budget]
steps = 60
batch = 4
validate_every = 30
validation_sequences = 4
test_sequences = 4
"""


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "posharness.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def trained(process: subprocess.Popen[str]) -> int:
    """How many cells a command has trained itself."""
    out, _ = process.communicate(timeout=500)
    assert process.returncode == 0, out
    found = re.search(r"(\d+) trained", out)
    assert found, out
    return int(found[1])


def test_four_runs_and_two_workers_share_the_cells_of_a_store(tmp_path: Path) -> None:
    config, store, alone = tmp_path / "tiny.toml", tmp_path / "shared", tmp_path / "alone"
    config.write_text(TINY)
    run = ("run", "--config", config, "--no-report", "--workers", "1", "--store")
    processes = [start(*run, store) for _ in range(4)]
    Store.open(store, create=True)
    while not list((store / "plans").glob("*.json")):
        assert processes[0].poll() is None
    processes += [start("work", store, "--workers", "1") for _ in range(2)]
    assert sum(trained(process) for process in processes) == 8
    assert not list((store / "plans").glob("*.json"))
    assert trained(start(*run, alone)) == 8
    one, other = (Store.open(path, create=False) for path in (store, alone))
    assert one.keys() == other.keys()
    for key in one.keys():  # noqa: SIM118
        assert one.done(key)
        for name in ("predictions.parquet", "weights.safetensors"):
            assert (one.home(key) / name).read_bytes() == (other.home(key) / name).read_bytes()
