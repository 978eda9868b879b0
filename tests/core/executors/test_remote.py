"""Cells whose processes are started elsewhere, as the user sees them."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from posharness.cli.display import Display
from posharness.cli.output import console
from posharness.cli.plain import PlainDisplay
from posharness.cli.run_and_report import leave_running
from posharness.contracts import CellOutcome, Finished
from posharness.contracts.cell import Cell, Choice
from posharness.errors import HarnessWarning, UserError
from posharness.executors import LocalRunner
from posharness.executors.ray import RayExecutor
from posharness.executors.remote import Launched, Launcher, RemoteRun, run_remotely
from posharness.executors.slurm import SlurmLauncher

CELL = Cell(
    encoding=Choice(name="absolute"),
    attention=Choice(name="softmax"),
    body="decoder",
    task=Choice(name="copy"),
)


class Queued:
    """A cell that ends, without having started, once it was looked at often enough."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def ended(self) -> bool:
        self._looks -= 1
        return self._looks < 0

    def outcome(self) -> CellOutcome:
        return CellOutcome("interrupted")


class Queue(Launcher):
    """A launcher that starts no cell."""

    def launch(self, cells: Sequence[Cell], job: RemoteRun) -> list[Launched]:
        return [Queued(3) for _ in cells]

    def why_waiting(self, waiting: Sequence[Launched]) -> str:
        return f"{len(waiting)} in the queue"

    def stop(self, running: Sequence[Launched]) -> None:
        pass


def test_the_user_is_told_once_why_no_cell_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posharness.executors.remote._LONG", 0.0)
    monkeypatch.setattr("posharness.executors.remote._POLL", 0.0)
    job = RemoteRun(LocalRunner(tmp_path / "store"), None, tmp_path, tmp_path)
    ended: list[str] = []
    with pytest.warns(HarnessWarning, match="No cell has started for 0 s: 1 in the queue") as told:
        run_remotely(
            [CELL],
            Queue(),
            job,
            lambda event: ended.append(event.outcome.status) if isinstance(event, Finished) else None,
            at_once=1,
            retries=0,
        )
    assert len(told) == 1
    assert ended == ["interrupted"]


@pytest.mark.parametrize("given", [KeyboardInterrupt, EOFError, "n", "", "y"])
def test_cells_go_on_elsewhere_only_if_the_user_says_so(
    given: type[BaseException] | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(prompt: str = "") -> str:
        if isinstance(given, str):
            return given
        raise given

    display: Display = PlainDisplay(console())
    terminal = SimpleNamespace(isatty=lambda: True, write=lambda text: None, flush=lambda: None)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("builtins.input", answer)
    assert leave_running(display) == (given == "y")


def test_an_address_where_no_ray_cluster_answers_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "posharness.executors.ray._import_ray", lambda: SimpleNamespace(is_initialized=lambda: False)
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(UserError, match=rf"--executor ray\[address={address}\]: nothing answers there"):
            RayExecutor(address=address).execute([CELL], run=LocalRunner(tmp_path), observe=print)


def test_jobs_that_have_not_begun_are_cancelled_before_others_are_sent_a_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To a pending job, scancel tries for a minute and a half to send one.
    commands: list[list[str]] = []

    def note(command: list[str], **_: object) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(returncode=0, stdout="")

    parameters = SimpleNamespace(update_parameters=lambda **_: None)
    submitit = SimpleNamespace(SlurmExecutor=lambda *_, **__: parameters)
    monkeypatch.setattr("posharness.executors.slurm._import_submitit", lambda: submitit)
    monkeypatch.setattr("subprocess.run", note)
    launcher = SlurmLauncher(tmp_path, {}, at_once=1, requeues=1)
    job = SimpleNamespace(job_id="7_0", paths=SimpleNamespace(result_pickle=tmp_path / "none"))
    launcher.stop([launcher.watch(job)])
    assert [command for command in commands if command[0] == "scancel"] == [
        ["scancel", "--state=PENDING", "7_0"],
        ["scancel", "--state=RUNNING", "--signal=INT", "7_0"],
    ]
