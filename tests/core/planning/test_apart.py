"""Planning survives what constructors and imports of plugins do, and changes nothing of this process."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from posharness.errors import UserError
from posharness.executors.plugin_sources import needed_files
from posharness.experiment import load_experiment
from posharness.planning import apart
from posharness.planning.plan import plan
from posharness.registry import process_copy
from posharness.registry.process_copy import check_imports
from posharness.registry.registry import Registry

ENCODING = """
import ctypes, faulthandler, os, signal, sys, time, warnings
import torch
from posharness.contracts import PositionalEncoding, hookimpl

class Hostile(PositionalEncoding):
    name = {name!r}

    def __init__(self, geometry):
        super().__init__(geometry)
        {deed}

@hookimpl
def posharness_encodings():
    return [Hostile]
"""
TASK = """
import os
from posharness.contracts import Task, hookimpl
from posharness_tasks.copy import Copy

class Hostile(Copy):
    name = "hostile_task"

    def __init__(self, body):
        super().__init__(body)
        {deed}

@hookimpl
def posharness_tasks():
    return [Hostile]
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Writes a plugin; what a test has imported of them is no module of the next test."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def written(deed: str, *, name: str = "hostile", text: str = ENCODING) -> Path:
        path = tmp_path / f"{name}.py"
        path.write_text(text.format(name=name, deed=deed))
        return path

    yield written
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(f"{tmp_path}{os.sep}"):
            del sys.modules[name]


def planned(*paths: Path, task: str = "copy", cache: Path = Path("none")) -> list[str]:
    """Why each cell of two encodings is skipped."""
    experiment = load_experiment(
        preset="smoke",
        overrides={
            "plugins": ["hostile", "rope"] if task == "copy" else ["rope"],
            "tasks": [task],
            "seeds": 1,
        },
    )
    return [cell.skip for cell in plan(experiment, Registry.load(paths), cache)]


@pytest.mark.parametrize(
    "deed",
    [
        "os._exit(0)",
        "os._exit(3)",
        "faulthandler.disable(); os.kill(os.getpid(), signal.SIGSEGV)",
        "sys.exit(0)",
    ],
)
def test_an_encoding_that_ends_the_process_is_a_cell_that_fails_alone(
    write: Callable[..., Path], deed: str
) -> None:
    assert planned(write(deed)) == ["", ""]


def test_a_constructor_that_hangs_is_named(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "LIMIT", 2.0)
    keeping_the_lock = write("ctypes.PyDLL(None).sleep(600)")
    with pytest.raises(UserError, match=r"encoding hostile .*: its constructor has not ended after 2 s"):
        planned(keeping_the_lock)


def test_a_task_that_ends_the_process_is_named(write: Callable[..., Path]) -> None:
    path = write("os._exit(0)", text=TASK)
    with pytest.raises(
        UserError, match=r"task hostile_task .*: its constructor ended the process with status 0"
    ):
        planned(path, task="hostile_task")


def test_nothing_of_this_process_changes_and_a_child_holds_nothing_up(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    deed = (
        "os.fork() or time.sleep(600); os.chdir('/'); os.environ['HOSTILE'] = '1'; print('built')\n"
        "        warnings.warn('careful', UserWarning)\n"
        "        torch.set_default_dtype(torch.float64); torch.manual_seed(3); sys.path.clear()"
    )
    before, state, path = Path.cwd(), torch.get_rng_state(), write(deed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert planned(path) == ["", ""]
    assert (Path.cwd(), torch.get_default_dtype()) == (before, torch.float32)
    assert "HOSTILE" not in os.environ
    assert torch.equal(torch.get_rng_state(), state)
    assert {str(each.message) for each in caught} == {"careful"}
    assert set(capsys.readouterr().err.split()) == {"built"}


def test_a_constructor_changes_nothing_for_those_after_it(write: Callable[..., Path]) -> None:
    """Not even in the copy, which passes on what was planned."""
    deed = (
        "sys.path.clear(); [sys.modules.pop(each) for each in [*sys.modules] if 'posharness' in each]; "
        "sys.stdout = sys.stderr = None; os.chdir('/'); torch.set_default_dtype(torch.float64)"
    )
    witness = (
        "from posharness.contracts import Incompatible\n"
        "        if torch.get_default_dtype() != torch.float32 or os.getcwd() == '/' or not sys.stderr:\n"
        "            raise Incompatible('something has changed')"
    )
    paths = [write(deed), write(witness, name="witness")]
    overrides = {"plugins": ["hostile", "witness"], "tasks": ["copy"], "seeds": 1}
    experiment = load_experiment(preset="smoke", overrides=overrides)
    assert [cell.skip for cell in plan(experiment, Registry.load(paths), Path("none"))] == ["", ""]


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("os._exit(0)", "ended the process with status 0"),
        (
            "import faulthandler, signal; faulthandler.disable(); os.kill(os.getpid(), signal.SIGABRT)",
            "ended the process by SIGABRT",
        ),
        ("import time; time.sleep(60)", "has not ended after 2 s"),
    ],
)
def test_an_import_that_hangs_or_ends_the_process_is_named(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, deed: str, said: str
) -> None:
    monkeypatch.setattr(process_copy, "LIMIT", 1.0)
    good = write("pass", name="good")
    bad = write("pass", name="bad")
    bad.write_text(f"import os\n{deed}\n")
    check_imports([good])
    with pytest.raises(UserError, match=f"--plugin-path {bad}: its import {said}"):
        check_imports([good, bad])


def test_a_cell_imports_only_the_files_of_its_own_plugins(write: Callable[..., Path]) -> None:
    paths = [write("pass", name=name) for name in ("hostile", "other", "unused")]
    registry = Registry.load(paths)
    experiment = load_experiment(
        preset="smoke",
        overrides={
            "plugins": ["hostile", "rope", "randomised[base=other]"],
            "tasks": ["copy"],
            "seeds": 1,
        },
    )
    cells = plan(experiment, registry, Path("none"))
    assert [needed_files(cell, registry) for cell in cells] == [(paths[0],), (), (paths[1],)]
