"""Cells whose processes are started elsewhere, as the user sees them."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from posharness.cli.display import Display
from posharness.cli.output import console
from posharness.cli.plain import PlainDisplay
from posharness.cli.run_and_report import leave_running, run_and_report
from posharness.cli.stopping import Stopped, stopped_by_signals
from posharness.contracts import (
    CellOutcome,
    CellRunner,
    Event,
    Finished,
    Progress,
    Requeued,
    Started,
)
from posharness.contracts.cell import Cell, Choice
from posharness.errors import HarnessWarning, UserError
from posharness.execution import Execution, RunSummary
from posharness.executors import LocalRunner
from posharness.executors.ray import RayExecutor, _connect, _run
from posharness.executors.remote import Launched, Launcher, Lost, RemoteRun, run_remotely
from posharness.executors.slurm import SlurmLauncher, _Requeued
from posharness.store import INTERRUPTED, Store
from posharness.store.workspace import CellWorkspace

CELL = Cell(
    encoding=Choice(name="absolute"),
    attention=Choice(name="softmax"),
    body="decoder",
    task=Choice(name="copy"),
)


OURS = "our run"


class Queued:
    """A cell that ends, without having started, once it was looked at often enough."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def ended(self) -> bool:
        self._looks -= 1
        return self._looks < 0

    def waits(self) -> bool:
        return True

    def outcome(self) -> CellOutcome:
        return CellOutcome("interrupted")


class Queue(Launcher):
    """A launcher that starts no cell."""

    def launch(self, cells: Sequence[Cell], job: RemoteRun) -> list[Launched]:
        return [Queued(3) for _ in cells]

    def why_waiting(self, waiting: Sequence[Launched]) -> str:
        return f"{len(waiting)} in the queue"

    def drop(self, needless: Sequence[Launched]) -> None:
        pass

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


@pytest.mark.parametrize("left", [True, False])
def test_the_last_line_says_whether_cells_go_on(
    tmp_path: Path, left: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("posharness.cli.run_and_report.leave_running", lambda _: left)

    def start(execution: Execution, announce: object) -> RunSummary:
        execution.leave_running()
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit):
        run_and_report(
            start,
            title="",
            store=tmp_path,
            workers=1,
            timeout=None,
            plugin_paths=(),
            report=False,
            executor="slurm",
            compiler="",
        )
    last = capsys.readouterr().err
    assert ("the cells on the cluster go on" in last) == left
    assert ("stopped; finished cells are kept" in last) != left


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


def test_ray_does_not_take_the_signal_that_stops_a_run() -> None:
    def init(*_: object, **__: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Ray's own handler ends the process in a hurry

    with stopped_by_signals():
        _connect(SimpleNamespace(init=init), "")
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)


def test_ray_can_cancel_a_cell_of_a_run_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSHARNESS_CACHE", "")

    class Cancelled:
        plugin_paths = ()
        name = OURS
        store = tmp_path

        def __call__(self, cell: Cell, **_: object) -> CellOutcome:
            signal.raise_signal(signal.SIGINT)
            return INTERRUPTED

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell without a terminal does for `&`
    try:
        with pytest.raises(KeyboardInterrupt):
            _run(RemoteRun(Cancelled(), None, tmp_path, tmp_path), CELL)
    finally:
        signal.signal(signal.SIGINT, before)


class Attempt:
    """A cell whose process does one more thing each time that it is looked at.

    Args:
        looks: what each look finds: "runs", "queued" or "ended".
        lost: whether there is no outcome.
    """

    def __init__(self, looks: Iterator[str], *, lost: bool = False) -> None:
        self._looks = looks
        self._found = ""
        self._lost = lost

    def ended(self) -> bool:
        self._found = next(self._looks)
        return self._found == "ended"

    def waits(self) -> bool:
        return self._found == "queued"

    def outcome(self) -> CellOutcome:
        if self._lost:
            raise Lost("its machine is gone", again=True)
        return CellOutcome("done")


class Attempts(Queue):
    """A launcher of one cell, which takes the next attempt each time."""

    def __init__(self, *attempts: Attempt) -> None:
        self._attempts = [*attempts]

    def launch(self, cells: Sequence[Cell], job: RemoteRun) -> list[Launched]:
        return [self._attempts.pop(0)]


def events_of(launcher: Launcher, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    monkeypatch.setattr("posharness.executors.remote._POLL", 0.0)
    job = RemoteRun(LocalRunner(folder, name=OURS), None, folder, folder)
    events: list[Event] = []
    run_remotely([CELL], launcher, job, events.append, at_once=1, retries=1)
    return events


FIRST, SECOND, LATER = (
    Progress(CELL.key, "training", step, 100, resumed=resumed) for step, resumed in ((3, 0), (4, 0), (9, 4))
)
STARTED, REQUEUED, DONE = Started(CELL.key), Requeued(CELL.key), Finished(CELL.key, CellOutcome("done"))


def test_a_cell_whose_process_was_lost_waits_and_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path, create=True)

    def first() -> Iterator[str]:
        with store.begin(CELL, run=OURS) as work:
            assert work is not None
            work.report(FIRST)
            yield "runs"
            work.report(SECOND)  # which is seen only when the process is gone
        yield "ended"

    def second() -> Iterator[str]:
        yield "runs"
        with store.begin(CELL, run=OURS) as work:
            assert work is not None
            work.report(LATER)
            yield "runs"
        yield "ended"

    launcher = Attempts(Attempt(first(), lost=True), Attempt(second()))
    events = events_of(launcher, tmp_path, monkeypatch)
    assert events == [STARTED, FIRST, SECOND, REQUEUED, STARTED, LATER, DONE]


def test_a_cell_that_its_cluster_puts_back_into_the_queue_waits_and_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path, create=True)

    def looks() -> Iterator[str]:
        yield from ("queued", "queued")  # a cell that has not started is not put back
        with store.begin(CELL, run=OURS) as work:
            assert work is not None
            work.report(FIRST)
            yield "runs"
            yield "runs"
            work.finish(INTERRUPTED)
        yield from ("runs", "queued", "queued")
        with store.begin(CELL, run=OURS) as work:
            assert work is not None
            work.report(LATER)
            yield from ("queued", "queued")  # the queue was looked at before
        yield "ended"

    events = events_of(Attempts(Attempt(looks())), tmp_path, monkeypatch)
    assert events == [STARTED, FIRST, REQUEUED, STARTED, LATER, DONE]


NOTHING = Progress(CELL.key, "training", 0, 100)


@pytest.mark.parametrize(
    ("first", "second"),
    [([FIRST, SECOND], LATER), ([FIRST, SECOND], NOTHING), ([FIRST, SECOND], SECOND), ([NOTHING], NOTHING)],
)
def test_another_attempt_is_known_by_its_name_where_no_look_saw_the_cell_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: list[Progress], second: Progress
) -> None:
    store = Store.open(tmp_path, create=True)

    def looks() -> Iterator[str]:
        for reports in (first, [second]):
            with store.begin(CELL, run=OURS) as work:
                assert work is not None
                for report in reports:
                    work.report(report)
                    yield "runs"
                    yield "runs"
                work.finish(INTERRUPTED)
        yield "ended"

    events = events_of(Attempts(Attempt(looks())), tmp_path, monkeypatch)
    assert events == [STARTED, *first, REQUEUED, STARTED, second, DONE]


def test_what_a_lost_process_still_reports_is_of_no_other_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path, create=True)
    lost = store.begin(CELL, run=OURS)
    works: list[CellWorkspace] = []

    def first() -> Iterator[str]:
        work = lost.__enter__()
        assert work is not None
        works.append(work)
        work.report(FIRST)
        yield "runs"
        yield "ended"

    def second() -> Iterator[str]:
        yield "runs"
        works[0].report(SECOND)
        yield from ("runs", "runs")
        lost.__exit__(None, None, None)
        with store.begin(CELL, run=OURS) as again:
            assert again is not None
            again.report(LATER)
            yield from ("runs", "runs")
        yield "ended"

    events = events_of(Attempts(Attempt(first(), lost=True), Attempt(second())), tmp_path, monkeypatch)
    assert events == [STARTED, FIRST, REQUEUED, STARTED, LATER, DONE]


def test_a_stopped_run_takes_back_that_a_cell_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path, create=True)

    def look() -> Iterator[str]:
        with store.begin(CELL, run=OURS) as work:
            assert work is not None
            work.report(FIRST)
            yield "runs"
            work.finish(CellOutcome("interrupted", "its job went back to the queue"))
        yield "queued"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        events_of(Attempts(Attempt(look())), tmp_path, monkeypatch)
    state = store.status(CELL.key)
    assert state is not None
    assert state.reason == INTERRUPTED.reason


@pytest.mark.parametrize("how", ["at the question", "while jobs are stopped"])
def test_one_more_ctrl_c_leaves_no_job_and_no_cell_without_an_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    def look() -> Iterator[str]:
        yield "runs"
        raise KeyboardInterrupt

    stopped: list[Launched] = []

    class Impatient(Attempts):
        def stop(self, running: Sequence[Launched]) -> None:
            stopped.extend(running)
            interrupt()

    monkeypatch.setattr("posharness.executors.remote._POLL", 0.0)
    job = RemoteRun(LocalRunner(tmp_path), None, tmp_path, tmp_path)
    events: list[Event] = []
    attempt = Attempt(look())
    leave = interrupt if how == "at the question" else lambda: False
    with pytest.raises(KeyboardInterrupt):
        run_remotely([CELL], Impatient(attempt), job, events.append, at_once=1, retries=0, leave=leave)
    assert stopped == [attempt]
    assert events == [Finished(CELL.key, INTERRUPTED)]


def test_a_job_in_the_queue_of_slurm_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = "7_0 PD BeginTime\n7_1 R None\n7_2 PD (a reason of several words)\n7_4 PD None\n"
    parameters = SimpleNamespace(update_parameters=lambda **_: None)
    submitit = SimpleNamespace(SlurmExecutor=lambda *_, **__: parameters)
    monkeypatch.setattr("posharness.executors.slurm._import_submitit", lambda: submitit)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: SimpleNamespace(returncode=0, stdout=listed))
    launcher = SlurmLauncher(tmp_path / "slurm", {}, at_once=1, requeues=1)
    jobs = [
        launcher.watch(
            SimpleNamespace(job_id=f"7_{task}", paths=SimpleNamespace(result_pickle=tmp_path / "-"))
        )
        for task in range(5)
    ]
    assert [job.waits() for job in jobs] == [True, False, True, False, True]
    assert launcher.why_waiting(jobs[2:]) == "Slurm gives as reason (a reason of several words)"
    assert launcher.why_waiting(jobs[3:]) == "Slurm gives no reason"
    assert launcher.why_waiting(jobs) == "Slurm jobs that run: 1; their cells are still being loaded"


class OutOfTime:
    """Runs a cell that is interrupted near the time limit of its job."""

    plugin_paths = ()
    name = OURS

    def __init__(self, store: Path) -> None:
        self.store = store

    def __call__(self, cell: Cell, **_: object) -> CellOutcome:
        with Store.open(self.store, create=True).begin(cell) as work:
            assert work is not None
            work.finish(INTERRUPTED)
        signal.raise_signal(signal.SIGUSR2)
        raise AssertionError("the signal is not heard")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The commands that a job gives to Slurm, which is not there."""
    given: list[list[str]] = []
    monkeypatch.setattr("subprocess.run", lambda command, **_: given.append(command))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSHARNESS_CACHE", "")
    for name, value in {"JOB_ID": "8", "ARRAY_JOB_ID": "7", "ARRAY_TASK_ID": "0"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM)}
    yield given
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_a_cell_that_ends_after_the_signal_of_the_time_limit_does_not_go_back_to_the_queue(
    tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(Store, "done", lambda self, key: key in ended)

    class JustInTime(OutOfTime):
        def __call__(self, cell: Cell, **_: object) -> CellOutcome:
            ended.append(cell.key)
            signal.raise_signal(signal.SIGUSR2)
            raise AssertionError("the signal is not heard")

    runner: CellRunner = JustInTime(tmp_path)
    Store.open(tmp_path, create=True)
    assert _Requeued(RemoteRun(runner, None, tmp_path, tmp_path), requeues=1)(CELL) == CellOutcome("done")
    assert not commands


def test_the_status_of_a_cell_that_went_back_to_the_queue_says_so(
    tmp_path: Path, commands: list[list[str]]
) -> None:
    runner: CellRunner = OutOfTime(tmp_path / "store")
    with pytest.raises(SystemExit):
        _Requeued(RemoteRun(runner, None, tmp_path, tmp_path), requeues=1)(CELL)
    assert commands == [["scontrol", "requeue", "7_0"]]
    state = Store.open(tmp_path / "store", create=False).status(CELL.key)
    assert state is not None
    assert state.status == "interrupted"
    assert state.reason == (
        "reached the time limit of its Slurm job 7_0, which went back to the queue to go on"
    )
