"""What the executor slurm does with its jobs, with scripts as Slurm's commands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from posharness.contracts.cell import Cell, Choice, TrainerSettings
from posharness.errors import UserError
from posharness.executors import LocalRunner
from posharness.executors.remote import Launched, RemoteRun
from posharness.executors.slurm import SlurmLauncher, _SlurmJob

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


def seeds(number: int) -> list[Cell]:
    return [CELL.model_copy(update={"seed": seed}) for seed in range(number)]


@pytest.mark.parametrize(
    "error", [RuntimeError("sbatch: error: QOSMaxSubmitJobPerUserLimit"), KeyboardInterrupt()]
)
def test_arrays_before_one_that_was_not_submitted_are_cancelled(
    tmp_path: Path, commands: Commands, submitit: Submitit, error: BaseException
) -> None:
    submitit.refuse = error
    one = launcher(tmp_path)
    ours = tmp_path / "slurm" / ".submission_file.sh"
    # The second was taken, but its number was not read any more.
    commands.squeue.write_text(f"1 {ours}\n2 {ours}\n3 {tmp_path}/slurm/other/.submission_file.sh\n")
    said = "takes no job; the 1000 that it had taken are cancelled: sbatch: error: QOSMax"
    is_refused = isinstance(error, RuntimeError)
    with pytest.raises(UserError if is_refused else KeyboardInterrupt, match=said if is_refused else None):
        launch(one, seeds(1500), tmp_path)
    assert commands.called("scancel")[0] == "1"
    assert {*" ".join(commands.called("scancel")).split()} == {"1", "2"}


def test_no_more_cells_run_at_a_time_than_workers(
    tmp_path: Path, commands: Commands, submitit: Submitit
) -> None:
    cells = seeds(2500)
    cells[1::2] = [cell.model_copy(update={"trainer": TrainerSettings(num_nodes=2)}) for cell in cells[1::2]]
    options = {"additional_parameters": {"dependency": "after:5"}}
    one = SlurmLauncher(tmp_path / "slurm", options, at_once=50, requeues=1)
    launched = launch(one, cells, tmp_path)
    last = launch(one, [CELL.model_copy(update={"seed": 2500})], tmp_path)
    assert [len(cells) for cells, _ in submitit.arrays] == [1000, 250, 1000, 250, 1]
    assert {parameters["array_parallelism"] for _, parameters in submitit.arrays} == {50}
    shown = [parameters["additional_parameters"] for _, parameters in submitit.arrays]
    assert [options["nodes"] for options in shown] == [1, 1, 2, 2, 1]
    after = [f"after:5,afterany:{array}" for array in range(1, 5)]
    assert [options["dependency"] for options in shown] == ["after:5", *after]
    jobs = [
        f"{array}_{task}" for array, (cells, _) in enumerate(submitit.arrays, 1) for task in range(len(cells))
    ]
    of = dict(zip((cell.key for cells, _ in submitit.arrays for cell in cells), jobs, strict=True))
    assert [each.id for each in launched if isinstance(each, _SlurmJob)] == [of[cell.key] for cell in cells]
    assert len(last) == 1


def test_arrays_run_side_by_side_where_all_cells_may(
    tmp_path: Path, commands: Commands, submitit: Submitit
) -> None:
    launch(launcher(tmp_path, at_once=1500), seeds(1500), tmp_path)
    assert not any("dependency" in parameters["additional_parameters"] for _, parameters in submitit.arrays)
    with pytest.raises(FileExistsError):  # results of other jobs may lie there
        launcher(tmp_path)


def test_a_cluster_that_does_not_answer_has_ended_no_job(
    tmp_path: Path, commands: Commands, submitit: Submitit, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.monotonic()
    monkeypatch.setattr("posharness.executors.slurm.time", SimpleNamespace(monotonic=lambda: clock))
    one = launcher(tmp_path)
    commands.squeue.unlink()
    jobs = launch(one, seeds(200), tmp_path)

    def ended(after: float) -> set[bool]:
        nonlocal clock
        clock += after
        return {each.ended() for each in jobs}

    assert [ended(20), ended(20), ended(20)] == [{False}] * 3
    assert not any(each.waits() for each in jobs)
    assert one.why_waiting(jobs) == "the cluster does not answer squeue"
    assert len(commands.called("squeue")) == 3
    commands.squeue.write_text("".join(f"1_{task} R None\n" for task in range(200)))
    assert ended(20) == {False}
    commands.squeue.unlink()
    assert [ended(20), ended(20)] == [{False}] * 2
    # It answers, and none is in the queue: now their results may be late.
    commands.squeue.touch()
    assert [ended(6), ended(20), ended(20)] == [{False}, {False}, {True}]


def test_an_answer_from_before_a_job_says_nothing_of_it(
    tmp_path: Path, commands: Commands, submitit: Submitit, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.monotonic()
    monkeypatch.setattr("posharness.executors.slurm.time", SimpleNamespace(monotonic=lambda: clock))
    one = launcher(tmp_path)
    (first,) = launch(one, seeds(1), tmp_path)
    clock += 6
    assert not first.ended()  # which asks squeue
    commands.squeue.unlink()
    (second,) = launch(one, seeds(1), tmp_path)
    for _ in range(5):
        clock += 20
        assert not second.ended()
    assert first.ended()
