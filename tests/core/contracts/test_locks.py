"""A lock that another process holds is waited for in one sentence, as long as was said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import Timeout

from posharness.contracts import HarnessWarning, locks
from posharness.contracts.locks import locked

HOLD = "import filelock, sys\nwith filelock.FileLock(sys.argv[1]):\n print(1, flush=True)\n input()"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A lock, and the process that holds it until it reads a line."""
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline()
        yield path, holder
        holder.kill()


def test_who_waits_says_what_for(
    held: tuple[Path, subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, holder = held
    monkeypatch.setattr(locks, "_SILENCE", 0.05)
    with (
        pytest.warns(HarnessWarning, match="waiting for another process, which tests"),
        pytest.raises(Timeout),
        locked(path, "tests", seconds=0.1),
    ):
        raise AssertionError
    holder.kill()
    holder.wait()
    with locked(path, "tests"):
        pass


def test_nothing_is_said_of_a_lock_that_is_free(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "lock", "tests", seconds=0):
            pass
