"""Hostile plugins beside good ones: each ends alone and with its reason, and good cells keep every bit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posharness.store import Store
from tests.core.commands import TINY
from tests.faults.amount import amount
from tests.faults.hostile_plugins import HOSTILE, write_plugin

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="plugins are built in copies on Linux only"),
]

FEW = ("import_torch", "build_exit", "build_quit", "exit", "widow", "nan", "says", "twin")
GOOD = ("rope", "absolute", "fine")
PATIENCE = 30
"""Seconds for a cell; a good one takes one."""


def harness(folder: Path, *arguments: object, seconds: float = 900) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "posharness.cli", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def run(folder: Path, names: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    paths = [option for name in names if name not in GOOD[:2] for option in ("--plugin-path", f"{name}.py")]
    chosen = ("--plugins", ",".join(names), "--config", "tiny.toml", "--no-report")
    return harness(folder, "run", *chosen, *paths, *options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(TINY)
    write_plugin(tmp_path, "fine", used="x = x + 0.5")
    return tmp_path


def statuses(folder: Path, store: str) -> dict[str, tuple[str, Path]]:
    opened = Store.open(folder / store, create=False)
    found = {}
    for key in opened.keys():  # noqa: SIM118
        status = opened.status(key)
        assert status is not None
        assert not opened.busy(key)
        found[opened.cell(key).label] = (status.status, opened.home(key))
    return found


def test_hostile_plugins_end_alone(folder: Path) -> None:
    chosen = {name: HOSTILE[name] for name in (HOSTILE if amount(1, 0) else FEW)}
    for name, (place, deed, _) in chosen.items():
        write_plugin(folder, name, **{place: deed})
    alone = run(folder, [*GOOD], "--store", "alone")
    assert alone.returncode == 0, alone.stderr
    beside = run(folder, [*chosen, *GOOD], "--store", "runs", "--timeout", str(PATIENCE))
    assert beside.returncode == 1, beside.stderr
    assert "Traceback" not in beside.stdout + beside.stderr
    assert "\x1b" not in beside.stdout + beside.stderr
    found, reference = statuses(folder, "runs"), statuses(folder, "alone")
    wrong = {
        name: found.get(name, ("missing",))[0]
        for name, (_, _, expected) in chosen.items()
        if found.get(name, ("missing",))[0] not in expected.split()
    }
    assert wrong == {}
    for name in GOOD:
        assert found[name][0] == "done"
        for file in ("predictions.parquet", "weights.safetensors", "interventions.parquet"):
            ours, theirs = (place[name][1] / file for place in (found, reference))
            assert ours.exists() == theirs.exists()
            assert not ours.exists() or ours.read_bytes() == theirs.read_bytes(), (name, file)
    for home in (home for _, home in found.values()):
        assert not (home / "log.txt").exists() or (home / "log.txt").stat().st_size < 2**21 + 100
    for command in (("status", "runs"), ("store", "check", "runs"), ("report", "runs")):
        ended = harness(folder, *command)
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
        assert "\x1b" not in ended.stdout + ended.stderr
    assert not left_behind(folder)


def left_behind(folder: Path) -> list[str]:
    """Processes that still work in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_a_constructor_that_hangs_ends_the_command_in_one_sentence(folder: Path) -> None:
    write_plugin(folder, "hanging", built="time.sleep(600)")
    began = time.monotonic()
    ended = run(folder, ["hanging", "rope"])
    assert ended.returncode == 2
    assert "The encoding hanging cannot be built: its constructor has not ended after 30 s." in ended.stderr
    assert "Traceback" not in ended.stderr
    assert time.monotonic() - began < 240


@pytest.mark.parametrize(
    "imported", ["os._exit(0)", "faulthandler.disable(); ctypes.string_at(0)", "signal.raise_signal(9)"]
)
def test_an_import_that_ends_the_process_is_no_success(folder: Path, imported: str) -> None:
    write_plugin(folder, "leaving", imported=imported)
    ended = run(folder, ["leaving", "rope"])
    assert ended.returncode == 2
    assert "--plugin-path leaving.py: its import ended the process" in ended.stderr


@pytest.mark.parametrize(
    "name", ["\x1b[31mred", "\u202eabc", "x" * 10_000, "a b", "a[b]", "a|b", "", "a\nb", "../../x", "\ud800"]
)
def test_a_name_that_cannot_be_typed_or_shown_is_refused(folder: Path, name: str) -> None:
    path = write_plugin(folder, "named")
    path.write_text(path.read_text().replace("'named'", ascii(name)))
    ended = harness(folder, "list", "--plugin-path", "named.py")
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "\u202e" not in ended.stdout + ended.stderr
    assert "cannot be typed" in ended.stdout + ended.stderr
