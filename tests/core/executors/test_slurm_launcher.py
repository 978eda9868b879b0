"""What the executor slurm does with its jobs, with scripts as Slurm's commands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from posharness.contracts.cell import Cell, Choice
from posharness.executors import LocalRunner
from posharness.executors.remote import Launched, RemoteRun
from posharness.executors.slurm import SlurmLauncher

CELL = Cell(
    encoding=Choice(name="absolute"),
    attention=Choice(name="softmax"),
    body="decoder",
    task=Choice(name="copy"),
)


class Commands:
    """Slurm's commands, as scripts.

    Attributes:
        squeue: a file with the lines that squeue prints; it fails where there is none.

    Where there is a file `impatient`, its user presses Ctrl-C while scancel works.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._called = folder / "called"
        self._called.touch()
        self.squeue = folder / "listed"
        self.squeue.touch()
        bin_ = folder / "bin"
        bin_.mkdir()
        programs = {
            "scancel": f"[ ! -e {folder}/impatient ] || kill -INT $PPID; sleep 0.3; echo >> {folder}/ended",
            "squeue": f"cat {self.squeue}",
        }
        for name, then in programs.items():
            (bin_ / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {self._called}\n{then}\n')
            (bin_ / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(bin_), prepend=":")

    def called(self, name: str) -> list[str]:
        """The calls of a command: what followed its name."""
        lines = self._called.read_text().splitlines()
        return [line.removeprefix(name).strip() for line in lines if line.startswith(name)]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, monkeypatch)


class Submitit:
    """The part of submitit in use, whose arrays never begin.

    Attributes:
        arrays: the cells and the parameters of each.
        refuse: what is raised in place of the second array.
    """

    def __init__(self, folder: Path) -> None:
        self.arrays: list[tuple[list[Cell], dict[str, Any]]] = []
        self.refuse: BaseException | None = None
        self.parameters: dict[str, Any] = {"additional_parameters": {}}
        self._folder = folder

    def SlurmExecutor(self, folder: Path, **_: object) -> Submitit:  # noqa: N802
        return self

    def update_parameters(self, **parameters: object) -> None:
        self.parameters |= parameters

    def map_array(self, work: object, cells: Sequence[Cell]) -> list[SimpleNamespace]:
        if self.refuse is not None and len(self.arrays) == 1:
            raise self.refuse
        self.arrays.append(([*cells], {**self.parameters}))
        return [self.job(f"{len(self.arrays)}_{task}") for task in range(len(cells))]

    def job(self, number: str) -> SimpleNamespace:
        paths = SimpleNamespace(result_pickle=self._folder / f"{number}.pkl", stderr="log.err")
        return SimpleNamespace(job_id=number, paths=paths)


@pytest.fixture
def submitit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submitit:
    fake = Submitit(tmp_path)
    monkeypatch.setattr("posharness.executors.slurm._import_submitit", lambda: fake)
    return fake


def launcher(folder: Path, at_once: int = 1) -> SlurmLauncher:
    return SlurmLauncher(folder / "slurm", {}, at_once=at_once, requeues=1)


def launch(one: SlurmLauncher, cells: Sequence[Cell], folder: Path) -> list[Launched]:
    return one.launch(cells, RemoteRun.here(LocalRunner(folder / "store"), None))


def test_one_more_ctrl_c_while_jobs_are_stopped_leaves_none(
    tmp_path: Path, commands: Commands, submitit: Submitit
) -> None:
    one = launcher(tmp_path)
    (tmp_path / "impatient").touch()
    with pytest.raises(KeyboardInterrupt):
        one.stop([one.watch(submitit.job("7_0"))])
    assert commands.called("scancel") == ["--state=PENDING 7_0", "7_0"]
    time.sleep(1)  # the commands outlive the harness
    assert (tmp_path / "ended").read_text() == "\n" * 2


def test_jobs_that_have_not_begun_are_cancelled_before_others_are_sent_a_signal(
    tmp_path: Path, commands: Commands, submitit: Submitit
) -> None:
    # To a pending job, scancel tries for a minute and a half to send one.
    one = launcher(tmp_path)
    one.stop([one.watch(submitit.job("7_0"))])
    assert commands.called("scancel") == ["--state=PENDING 7_0", "--state=RUNNING --signal=INT 7_0"]
