"""A temporary folder is removed when its block ends, or by the next one if its process was killed."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from posharness.temporary import temporary_folder


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def age(system: Path) -> None:
    old = time.time() - 3600
    for path in system.iterdir():
        os.utime(path, (old, old), follow_symlinks=False)


def test_a_folder_goes_with_its_block(system: Path) -> None:
    def fail() -> None:
        with temporary_folder("testing") as folder:
            (folder / "file").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(system.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_folder(system: Path) -> None:
    child = os.fork()
    if child == 0:
        with temporary_folder("testing") as folder:
            (folder / "file").write_text("x")
            os._exit(0)
    os.waitpid(child, 0)
    (system / "posharness-testing-not-locked").mkdir()
    left = sorted(system.iterdir())
    assert len(left) == 2
    with temporary_folder("testing"):
        assert set(left) < set(system.iterdir())  # they may be about to be locked
    age(system)
    with temporary_folder("another"):
        assert set(left) < set(system.iterdir())
    with temporary_folder("testing"):
        assert len(list(system.iterdir())) == 1


def test_nothing_of_others_goes(system: Path) -> None:
    (system / "thesis").mkdir()
    (system / "thesis" / "lock").touch()
    (system / "posharness-testing-link").symlink_to(system / "thesis")
    (system / "posharness-testing-mine").mkdir()
    (system / "posharness-testing-mine" / "thesis").touch()
    with temporary_folder("testing") as used:
        (used / "file").touch()
        age(system)
        with temporary_folder("testing"):
            pass
        assert (used / "file").exists()
    assert sorted(path.name for path in system.iterdir()) == [
        "posharness-testing-link",
        "posharness-testing-mine",
        "thesis",
    ]
    assert (system / "thesis" / "lock").exists()
