"""Cells whose processes are started elsewhere, where other runs make cells of the same store."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from posharness.contracts import (
    CellOutcome,
    Event,
    Finished,
    Observer,
    Progress,
    Requeued,
    Started,
    Waiting,
)
from posharness.contracts.cell import Cell, Choice
from posharness.errors import HarnessWarning
from posharness.executors import LocalRunner
from posharness.executors.remote import Launched, Launcher, Lost, RemoteRun, run_remotely
from posharness.parent_death import GRACE
from posharness.store import INTERRUPTED, Store
from posharness.store.workspace import CellWorkspace

CELL = Cell(
    encoding=Choice(name="absolute"),
    attention=Choice(name="softmax"),
    body="decoder",
    task=Choice(name="copy"),
)
OTHER = CELL.model_copy(update={"seed": 1})
OURS, THEIRS = "our run", "their run"
DIVERGED = CellOutcome("diverged", "the loss is nan")
GOES_ON = CellOutcome(
    "interrupted", "reached the time limit of its Slurm job 9_0, which went back to the queue"
)


@dataclass
class Job:
    """A cell that was given to the cluster: what a look finds, and how it has ended once that is "ended"."""

    cell: Cell
    found: str = "queued"
    result: CellOutcome | Lost = field(default_factory=lambda: CellOutcome("done"))

    def ended(self) -> bool:
        return self.found == "ended"

    def waits(self) -> bool:
        return self.found == "queued"

    def outcome(self) -> CellOutcome:
        if isinstance(self.result, Lost):
            raise self.result
        return self.result


@dataclass
class Cluster(Launcher):
    """Notes what it is given, and what it is told to drop and to stop."""

    jobs: list[Job] = field(default_factory=list)
    dropped: list[Launched] = field(default_factory=list)
    stopped: list[Launched] = field(default_factory=list)

    def launch(self, cells: Sequence[Cell], job: RemoteRun) -> list[Launched]:
        new = [Job(cell) for cell in cells]
        self.jobs += new
        return [*new]

    def why_waiting(self, waiting: Sequence[Launched]) -> str:
        return f"{len(waiting)} in the queue"

    def drop(self, needless: Sequence[Launched]) -> None:
        self.dropped += needless

    def stop(self, running: Sequence[Launched]) -> None:
        self.stopped += running


class Scene:
    """A store, a cluster, and cells that are done because the scene says so."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.store = Store.open(folder, create=True)
        self.cluster = Cluster()
        self.done: list[str] = []
        self.events: list[Event] = []
        self.clock = 0.0
        self._patch = monkeypatch
        ended = Store.ended
        monkeypatch.setattr(
            Store,
            "ended",
            lambda store, key: (
                SimpleNamespace(status="done", reason="", traceback="")
                if key in self.done
                else ended(store, key)
            ),
        )

    @contextmanager
    def made(self, cell: Cell, run: str, *, step: int = 1) -> Iterator[CellWorkspace]:
        """A process of a run makes a cell; it is killed at the end unless it has finished."""
        with self.store.begin(cell, run=run) as work:
            assert work is not None
            work.report(Progress(cell.key, "training", step, 100))
            yield work
        (work.folder / "live.json").unlink(missing_ok=True)

    def play(
        self,
        story: Generator[None],
        *cells: Cell,
        at_once: int = 10,
        retries: int = 1,
        observe: Observer = lambda _: None,
    ) -> list[Event]:
        """Run the cells; the story goes on by one `yield` in each pause between two looks at them."""

        def note(event: Event) -> None:
            self.events.append(event)
            observe(event)

        time = SimpleNamespace(monotonic=lambda: self.clock, sleep=lambda _: next(story))
        self._patch.setattr("posharness.executors.remote.time", time)
        job = RemoteRun(LocalRunner(self.folder, name=OURS), None, self.folder, self.folder)
        run_remotely(cells, self.cluster, job, note, at_once=at_once, retries=retries)
        return self.events

    def given(self) -> list[Cell]:
        return [job.cell for job in self.cluster.jobs]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def names(events: Sequence[Event], cell: Cell) -> list[str]:
    """The events of a cell, by their names; an outcome by its status."""
    return [
        event.outcome.status if isinstance(event, Finished) else type(event).__name__
        for event in events
        if event.key == cell.key
    ]


def test_a_cell_that_another_run_makes_is_held_back_and_the_others_are_launched(scene: Scene) -> None:
    def story() -> Generator[None]:
        with scene.made(CELL, THEIRS) as work:
            yield
            yield
            assert scene.given() == [OTHER]
            scene.cluster.jobs[0].found = "ended"
            yield
            yield
            assert scene.given() == [OTHER]
            work.finish(INTERRUPTED)
        yield
        assert scene.given() == [OTHER, CELL]
        scene.cluster.jobs[1].found = "ended"
        yield

    began = story()
    next(began)
    events = scene.play(began, CELL, OTHER, at_once=1)
    assert names(events, CELL) == ["Waiting", "Requeued", "Started", "done"]
    assert names(events, OTHER) == ["Started", "done"]


@pytest.mark.parametrize("seen", [True, False])
def test_a_cell_that_ends_elsewhere_is_not_launched(scene: Scene, seen: bool) -> None:
    def story() -> Generator[None]:
        with scene.made(CELL, THEIRS) as work:
            if seen:
                yield
                yield
            (work.folder / "live.json").unlink()  # it ends: its folder moves to those that are done
            yield
            scene.done.append(CELL.key)
        yield

    began = story()
    next(began)
    assert names(scene.play(began, CELL), CELL) == ["Waiting", "done"]
    assert not scene.given()


def test_a_process_that_loses_the_race_for_a_cell_gives_its_machine_back(scene: Scene) -> None:
    def story() -> Generator[None]:
        (job,) = scene.cluster.jobs
        job.found = "runs"
        with scene.made(CELL, THEIRS):
            yield
            yield
            assert scene.cluster.dropped == [job]
            assert scene.given() == [CELL, OTHER]
            scene.cluster.jobs[1].found = "ended"
            yield
            scene.done.append(CELL.key)
        yield
        yield

    events = scene.play(story(), CELL, OTHER, at_once=1)
    assert names(events, CELL) == ["Waiting", "done"]
    assert scene.given() == [CELL, OTHER]


def test_a_job_in_the_queue_keeps_its_place_while_another_run_makes_its_cell(scene: Scene) -> None:
    def story() -> Generator[None]:
        with scene.made(CELL, THEIRS):
            yield
            yield
            yield
            assert not scene.cluster.dropped
            scene.done.append(CELL.key)
            yield
        yield

    assert names(scene.play(story(), CELL), CELL) == ["Waiting", "done"]
    assert scene.cluster.dropped == scene.cluster.jobs


def test_a_cell_that_was_made_elsewhere_before_it_was_launched_is_not_reported_as_started(
    scene: Scene,
) -> None:
    def story() -> Generator[None]:
        scene.cluster.jobs[0].found = "ended"
        scene.done.append(OTHER.key)
        yield
        yield

    events = scene.play(story(), CELL, OTHER, at_once=1)
    assert names(events, CELL) == ["Started", "done"]
    assert names(events, OTHER) == ["done"]
    assert scene.given() == [CELL]


@pytest.mark.parametrize("status", ["done", "diverged"])
def test_a_job_without_an_outcome_has_that_of_the_store(scene: Scene, status: str) -> None:
    def story() -> Generator[None]:
        (job,) = scene.cluster.jobs
        job.found = "runs"
        with scene.made(CELL, OURS) as work:
            yield
            if status == "done":
                scene.done.append(CELL.key)
                shutil.rmtree(work.folder)
            else:
                work.finish(DIVERGED)
        job.found, job.result = "ended", CellOutcome("interrupted", "its Slurm job was cancelled")
        yield

    assert names(scene.play(story(), CELL), CELL) == ["Started", "Progress", status]


@pytest.mark.parametrize("ends", ["Ctrl-C", "scancel"])
def test_a_stopped_run_leaves_what_another_run_has_said_of_its_cell(scene: Scene, ends: str) -> None:
    def story() -> Generator[None]:
        with scene.made(CELL, THEIRS) as work:
            yield
            work.finish(GOES_ON)
        yield
        if ends == "Ctrl-C":
            raise KeyboardInterrupt
        (job,) = scene.cluster.jobs
        job.found, job.result = "ended", CellOutcome("interrupted", "its Slurm job was cancelled")
        yield

    if ends == "Ctrl-C":
        with pytest.raises(KeyboardInterrupt):
            scene.play(story(), CELL)
    else:
        scene.play(story(), CELL)
    assert names(scene.events, CELL) == ["Waiting", "Requeued", "interrupted"]
    state = scene.store.status(CELL.key)
    assert state is not None
    assert state.reason == GOES_ON.reason


@pytest.mark.parametrize("launched", [True, False])
def test_what_another_run_has_made_in_vain_is_not_made_again(scene: Scene, launched: bool) -> None:
    def story() -> Generator[None]:
        if not launched:
            yield
        with scene.made(CELL, THEIRS) as work:
            yield
            yield
            work.finish(DIVERGED)
        yield
        yield

    with scene.store.begin(CELL) as work:
        assert work is not None
        work.finish(CellOutcome("failed", "an earlier run made it in vain, too"))
    began = story()
    if not launched:
        next(began)
        next(began)
    events = scene.play(began, CELL)
    assert names(events, CELL) == ["Waiting", "diverged"]
    assert scene.cluster.dropped == scene.cluster.jobs
    assert len(scene.cluster.jobs) == launched


def test_the_user_is_told_why_no_cell_starts_once_the_other_run_is_gone(scene: Scene) -> None:
    def story() -> Generator[None]:
        with scene.made(CELL, THEIRS):
            for _ in range(3):
                scene.clock += 60
                yield
        scene.clock += 60
        yield
        told.append(scene.clock)
        scene.clock += 60
        yield
        scene.cluster.jobs[0].found = "ended"
        yield

    told: list[float] = []
    with pytest.warns(HarnessWarning, match="No cell has started for 60 s: 1 in the queue"):
        events = scene.play(story(), CELL)
    assert names(events, CELL) == ["Waiting", "Requeued", "Started", "done"]
    assert told == [240.0]


def test_a_needless_job_is_dropped_also_where_a_failure_ends_the_run(scene: Scene) -> None:
    def story() -> Generator[None]:
        _, second = scene.cluster.jobs
        with scene.made(CELL, THEIRS):
            yield
        scene.done.append(CELL.key)
        second.found, second.result = "ended", DIVERGED
        yield

    def stop(event: Event) -> None:
        if isinstance(event, Finished) and event.outcome.failed:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene.play(story(), CELL, OTHER, observe=stop)
    assert names(scene.events, CELL) == ["Waiting", "done"]
    assert scene.cluster.dropped == scene.cluster.jobs[:1]


def test_a_crash_is_recorded_once_the_process_that_still_lives_has_ended(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene.made(CELL, OURS)
    paused = 0.0

    def pause(seconds: float) -> None:
        nonlocal paused
        before, paused = paused, paused + seconds
        if before < GRACE <= paused:  # which the process has after the one that started it is gone
            made.__exit__(None, None, None)

    def story() -> Generator[None]:
        (job,) = scene.cluster.jobs
        job.found = "runs"
        made.__enter__()
        yield
        job.found, job.result = "ended", Lost("its machine is gone", again=True)
        clock = SimpleNamespace(monotonic=lambda: paused, sleep=pause)
        monkeypatch.setattr("posharness.executors.endings.time", clock)
        yield

    events = scene.play(story(), CELL, retries=0)
    assert names(events, CELL) == ["Started", "Progress", "crashed"]
    state = scene.store.status(CELL.key)
    assert state is not None
    assert (state.status, state.reason) == ("crashed", "its machine is gone")


def test_the_time_in_a_queue_is_not_part_of_what_a_stopped_cell_took(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr("posharness.store.workspace.now", lambda: moment.isoformat(timespec="milliseconds"))

    def story() -> Generator[None]:
        nonlocal moment
        (job,) = scene.cluster.jobs
        job.found = "runs"
        with scene.made(CELL, OURS) as work:
            yield
            moment += timedelta(minutes=1)
            work.finish(GOES_ON)
        job.found = "queued"
        yield
        moment += timedelta(hours=10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene.play(story(), CELL)
    assert names(scene.events, CELL) == ["Started", "Progress", "Requeued", "interrupted"]
    state = scene.store.status(CELL.key)
    assert state is not None
    assert (state.reason, state.seconds) == (INTERRUPTED.reason, 60)


def test_the_time_of_a_cell_that_another_run_took_over_is_that_of_its_own_process(scene: Scene) -> None:
    def story() -> Generator[None]:
        (job,) = scene.cluster.jobs
        job.found = "runs"
        with scene.made(CELL, OURS) as work:
            yield
            work.finish(GOES_ON)
        job.found = "queued"
        with scene.made(CELL, THEIRS, step=2):
            yield
        yield
        job.found = "runs"
        with scene.made(CELL, OURS, step=3):
            yield
        job.found = "ended"
        yield

    events = scene.play(story(), CELL)
    begun = ["Started", "Progress"]
    assert names(events, CELL) == [*begun, "Waiting", "Requeued", *begun, "done"]
    assert [type(event) for event in events if isinstance(event, Requeued | Waiting)] == [Waiting, Requeued]
    assert sum(isinstance(event, Started) for event in events) == 2


def test_a_cell_that_is_done_is_not_put_back_into_the_queue(scene: Scene) -> None:
    def story() -> Generator[None]:
        (job,) = scene.cluster.jobs
        job.found = "runs"
        with scene.made(CELL, OURS):
            yield
        scene.done.append(CELL.key)
        job.found = "queued"  # as the queue was listed before
        yield
        yield
        job.found = "ended"
        yield

    assert names(scene.play(story(), CELL), CELL) == ["Started", "Progress", "done"]
