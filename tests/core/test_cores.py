"""No more cells run at a time than the process has cores, by affinity and by quota."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from posharness.cores import usable_cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_without_a_quota_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == 8
    write(tmp_path, proc__self__cgroup="0::/\n")
    assert usable_cores(tmp_path) == 8


@pytest.mark.parametrize(
    ("limit", "cores"), [("max 100000", 8), ("300000 100000", 3), ("250000 100000", 2), ("50000 100000", 1)]
)
def test_a_quota_of_version_2_limits_them(tmp_path: Path, limit: str, cores: int) -> None:
    folder = tmp_path / "sys/fs/cgroup/outer/inner"
    folder.mkdir(parents=True)
    (folder / "cpu.max").write_text("max 100000\n")
    (folder.parent / "cpu.max").write_text(f"{limit}\n")
    write(tmp_path, proc__self__cgroup="0::/outer/inner\n")
    assert usable_cores(tmp_path) == cores


def test_a_quota_of_version_1_limits_them(tmp_path: Path) -> None:
    folder = tmp_path / "sys/fs/cgroup/cpu"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("200000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    write(tmp_path, proc__self__cgroup="7:memory:/docker/1\n4:cpuacct,cpu:/docker/1\n")
    assert usable_cores(tmp_path) == 2
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert usable_cores(tmp_path) == 8


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_bound_to_one_core_runs_one_cell_at_a_time() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from posharness.defaults import default_workers; print(default_workers())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
