"""Each cell has a process of its own: whatever becomes of it, the others go on."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from posharness.contracts import CellOutcome, Event, Finished, Progress, Started, Waiting
from posharness.contracts.cell import Budget, Cell, Choice, ModelSettings
from posharness.errors import UserError
from posharness.execution import Execution
from posharness.executors import LocalExecutor, LocalRunner
from posharness.store import Store
from posharness.store.frames import read_frames

PLUGIN = Path(__file__).with_name("moody.py")

pytestmark = pytest.mark.usefixtures("warm_server")


def make_cell(mood: str = "", *, seed: int = 0, skip: str = "") -> Cell:
    return Cell(
        encoding=Choice(name="absolute", label="absolute"),
        attention=Choice(name="softmax"),
        body="decoder",
        task=Choice(name="moody", params={"mood": mood}, label=f"moody[mood={mood}]"),
        model=ModelSettings(width=8, layers=1, heads=2),
        budget=Budget(steps=4, batch=3, test_sequences=5, validation_sequences=5, validate_every=2),
        seed=seed,
        skip=skip,
    )


@dataclass
class Run:
    """One call of `execute`, and what it told."""

    store: Store
    events: list[Event] = field(default_factory=list)

    def finished(self, cell: Cell) -> Finished:
        found = [event for event in self.events if isinstance(event, Finished) and event.key == cell.key]
        assert len(found) == 1
        return found[0]

    def execute(self, *cells: Cell, workers: int = 2, timeout: float | None = None) -> Run:
        LocalExecutor(workers=workers, timeout=timeout).execute(
            cells, run=LocalRunner(self.store.path, (PLUGIN,)), observe=self.events.append
        )
        return self


GOOD = [make_cell(seed=seed) for seed in range(3)]
SKIPPED = make_cell("raise", seed=9, skip="it cannot work")
CHATTY = make_cell("chatty")
BAD = {mood: make_cell(mood) for mood in ("raise", "user", "quit", "exit", "killed", "widow")}
FORKING = [make_cell(mood) for mood in ("child", "twin")]
STUCK = make_cell("sleep")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of good and bad cells together, two at a time."""
    run = Run(Store.open(tmp_path_factory.mktemp("two") / "runs", create=True))
    return run.execute(GOOD[0], *BAD.values(), *GOOD[1:], SKIPPED, CHATTY, *FORKING)


def reason(run: Run, cell: Cell) -> tuple[str, str]:
    status = run.store.status(cell.key)
    event = run.finished(cell)
    assert status is not None
    assert (status.status, status.reason) == (event.outcome.status, event.outcome.reason)
    return event.outcome.status, event.outcome.reason


def test_good_cells_are_done(ran: Run) -> None:
    for cell in (*GOOD, *FORKING):
        assert reason(ran, cell) == ("done", "")
        assert ran.store.weights(cell.key)
    frames = read_frames(ran.store)
    assert set(frames.predictions["cell"]) == {cell.key for cell in (*GOOD, CHATTY, *FORKING)}
    assert sorted(frames.predictions["length"].unique()) == [7, 11]


def test_bad_cells_end_alone_with_their_reason(ran: Run) -> None:
    # How much memory a killed process held is known where it was looked at before it ended.
    found = {mood: reason(ran, cell) for mood, cell in BAD.items()}
    assert {
        mood: (status, re.sub(r"\? It held .* GB", "?", why)) for mood, (status, why) in found.items()
    } == {
        "raise": ("failed", "ValueError: no luck today"),
        "user": ("failed", "UserError: give it less"),
        "quit": ("failed", "SystemExit: I quit"),
        "exit": ("crashed", "its process exited with status 3"),
        "killed": ("crashed", "its process was ended by SIGKILL (out of memory?)"),
        "widow": ("crashed", "its process was ended by SIGKILL (out of memory?)"),
    }
    assert list((ran.store.path / "work").glob("*/")) == []


def test_a_process_that_a_cell_has_forked_holds_nothing_up(ran: Run) -> None:
    """It hides no end of a cell's process, and ends with it."""
    for cell in (*FORKING, BAD["widow"]):
        assert not ran.store.busy(cell.key)
    for cell in (FORKING[0], BAD["widow"]):
        child = re.search(r"forked (\d+)", ran.store.log(cell.key))
        assert child
        assert not _is_alive(Path("/proc", child[1]))


def _is_alive(entry: Path) -> bool:
    try:
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_traceback_of_a_failure_is_kept(ran: Run) -> None:
    status = ran.store.status(BAD["raise"].key)
    assert status is not None
    for text in (status.traceback, ran.store.log(BAD["raise"].key)):
        assert text.startswith("Traceback")
        assert "moody.py" in text
        assert text.rstrip().endswith("ValueError: no luck\ntoday")


def test_all_that_a_cell_prints_goes_into_its_log(ran: Run) -> None:
    log = ran.store.log(CHATTY.key)
    assert "from a child\n" in log
    assert "from Python\n" in log
    assert ran.store.log(GOOD[0].key) == ""


def test_a_skipped_cell_is_recorded_without_a_process(ran: Run) -> None:
    assert reason(ran, SKIPPED) == ("skipped", "it cannot work")
    assert Started(SKIPPED.key) not in ran.events


def test_cells_start_in_the_given_order_and_tell_how_far_they_are(ran: Run) -> None:
    started = [event.key for event in ran.events if isinstance(event, Started)]
    assert started == [cell.key for cell in (GOOD[0], *BAD.values(), *GOOD[1:], CHATTY, *FORKING)]
    for cell in GOOD:
        told = [event for event in ran.events if event.key == cell.key]
        assert isinstance(told[0], Started)
        assert isinstance(told[-1], Finished)
        assert all(isinstance(event, Progress) and event.steps >= 4 for event in told[1:-1])
        assert len(told) > 2


def test_a_cell_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    run = Run(Store.open(tmp_path, create=True))
    run.execute(STUCK, timeout=2)
    assert reason(run, STUCK) == ("timeout", "took longer than 2 s")


def test_one_worker_or_two_bring_the_same_bits(ran: Run, tmp_path: Path) -> None:
    alone = Run(Store.open(tmp_path, create=True)).execute(*reversed(GOOD), workers=1)
    for cell in GOOD:
        for name in ("predictions.parquet", "weights.safetensors"):
            first, second = (run.store.home(cell.key) / name for run in (ran, alone))
            assert first.read_bytes() == second.read_bytes()


def test_a_done_cell_is_left_alone(ran: Run) -> None:
    before = (ran.store.home(GOOD[0].key) / "status.json").read_bytes()
    again = Run(ran.store).execute(GOOD[0])
    assert again.events == [Finished(GOOD[0].key, CellOutcome("done"))]
    assert (ran.store.home(GOOD[0].key) / "status.json").read_bytes() == before


def test_a_cell_that_another_harness_makes_is_waited_for(tmp_path: Path) -> None:
    store = Store.open(tmp_path, create=True)
    theirs, ours = make_cell(seed=1), make_cell(seed=2)
    run = Run(store)
    with store.begin(theirs) as work:
        assert work is not None

        def finish_theirs(event: Event) -> None:
            run.events.append(event)
            if event == Finished(ours.key, CellOutcome("done")):
                for name in ("curve.parquet", "predictions.parquet", "weights.safetensors"):
                    (work.folder / name).touch()
                for name in ("result.json", "environment.json"):
                    (work.folder / name).write_text("{}")
                work.finish(CellOutcome("done"))

        LocalExecutor(workers=1).execute(
            [theirs, ours], run=LocalRunner(tmp_path, (PLUGIN,)), observe=finish_theirs
        )
    assert [event.key for event in run.events if isinstance(event, Started)] == [ours.key]
    waiting = [event for event in run.events if isinstance(event, Waiting)]
    assert [event.key for event in waiting] == [theirs.key] * len(waiting)
    assert all(event.holder.startswith(f"process {os.getpid()} on ") for event in waiting)
    assert [event for event in run.events if isinstance(event, Finished)] == [
        Finished(ours.key, CellOutcome("done")),
        Finished(theirs.key, CellOutcome("done")),
    ]


def test_a_cell_that_another_process_was_first_to_begin_counts_as_its(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, cell, events = Store.open(tmp_path / "runs", create=True), make_cell(), list[Event]()

    def observe(event: Event) -> None:
        events.append(event)
        if isinstance(event, Waiting):
            held.close()
            assert LocalRunner(store.path, (PLUGIN,))(cell).status == "done"

    with ExitStack() as held, monkeypatch.context() as patch:
        held.enter_context(store.begin(cell))
        patch.setattr(Store, "busy", lambda *_: False)  # it is begun between the look and the start
        execution = Execution(store.path, plugin_paths=(PLUGIN,), observe=observe)
        summary = execution.run(lambda _: [cell])
    assert [type(event) for event in events if not isinstance(event, Progress)] == [
        Started,
        Waiting,
        Finished,
    ]
    assert summary.elsewhere == {cell.key}


def test_a_store_that_cannot_be_used_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        LocalExecutor(workers=1).execute(
            GOOD, run=LocalRunner(tmp_path / "runs", (PLUGIN,)), observe=lambda event: None
        )


def test_a_cell_that_allocates_more_than_allowed_says_so(tmp_path: Path) -> None:
    hungry, events = make_cell("hungry"), list[Event]()
    LocalExecutor(workers=1).execute(
        [hungry], run=LocalRunner(tmp_path / "runs", (PLUGIN,), memory=1.5), observe=events.append
    )
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.outcome.status == "failed"
    assert last.outcome.reason.startswith("needed more than the 1.5 GB of --memory: ")


def test_a_cell_that_stops_what_it_was_forked_from_holds_nothing_up(tmp_path: Path) -> None:
    run = Run(Store.open(tmp_path, create=True))
    cells = (make_cell("halt"), make_cell())
    run.execute(*cells, workers=1)
    assert [run.finished(cell).outcome.status for cell in cells] == ["done"] * 2


def test_a_limit_beyond_all_memory_limits_nothing(tmp_path: Path) -> None:
    (cell,), events = GOOD[:1], list[Event]()
    LocalExecutor(workers=1).execute(
        [cell], run=LocalRunner(tmp_path / "runs", (PLUGIN,), memory=1e300), observe=events.append
    )
    assert isinstance(events[-1], Finished)
    assert events[-1].outcome.status == "done"


def test_cells_share_out_the_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    run = Run(Store.open(tmp_path, create=True))
    cells = [make_cell("gpus", seed=seed) for seed in range(2)]
    run.execute(*cells, workers=2)
    assert sorted(run.store.log(cell.key).split()[0] for cell in cells) == ["4", "6"]


def test_a_run_stops_after_as_many_failures_as_allowed(tmp_path: Path) -> None:
    cells = [make_cell("raise", seed=1), make_cell("raise", seed=2), make_cell(seed=3)]
    summary = Execution(tmp_path / "runs", 1, plugin_paths=(PLUGIN,), max_failures=2).run(lambda _: cells)
    assert summary.stopped
    assert [outcome.status for outcome in summary.outcomes.values()] == ["failed", "failed"]
    again = Execution(tmp_path / "runs", 1, plugin_paths=(PLUGIN,), max_failures=3).run(lambda _: cells)
    assert not again.stopped
    assert [outcome.status for outcome in again.outcomes.values()] == ["failed", "failed", "done"]


def test_a_cell_that_failed_here_and_was_made_by_another_run_since_counts_as_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, done, made = make_cell("raise"), Store.done, list[str]()
    monkeypatch.setattr(Store, "done", lambda store, key: key in made or done(store, key))

    def observe(event: Event) -> None:
        if isinstance(event, Finished):
            made.append(event.key)

    summary = Execution(tmp_path / "runs", 1, plugin_paths=(PLUGIN,), observe=observe).run(lambda _: [cell])
    assert summary.outcomes[cell.key] == CellOutcome("done")
    assert (summary.failed, summary.elsewhere) == (0, {cell.key})


def test_a_plugin_file_is_imported_once_for_all_its_cells(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        PLUGIN.read_text()
        + f"\nwith open({str(tmp_path / 'imports')!r}, 'a') as file:\n    file.write('x')\n"
    )
    run, events = LocalRunner(tmp_path / "runs", (tmp_path / "slow.py",)), list[Event]()
    LocalExecutor(workers=2).execute([make_cell(seed=n) for n in range(3)], run=run, observe=events.append)
    assert [event.outcome.status for event in events if isinstance(event, Finished)] == ["done"] * 3
    assert (tmp_path / "imports").read_text() == "x"


@pytest.mark.parametrize(
    ("leave", "status"), [("os._exit(3)", "exited with status 3"), ("1 / 0", "unknown task")]
)
def test_a_plugin_file_that_cannot_be_imported_fails_its_cells(
    tmp_path: Path, leave: str, status: str
) -> None:
    (tmp_path / "slow.py").write_text(f"import os\n{leave}\n")
    run, events = LocalRunner(tmp_path / "runs", (tmp_path / "slow.py",)), list[Event]()
    LocalExecutor(workers=1).execute([make_cell(seed=n) for n in range(2)], run=run, observe=events.append)
    reasons = [event.outcome.reason for event in events if isinstance(event, Finished)]
    assert len(reasons) == 2
    assert all(status in reason for reason in reasons), reasons
