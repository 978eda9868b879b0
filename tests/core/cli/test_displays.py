"""The progress of a run: what is known of it, and how it looks on a terminal and elsewhere."""

import io
import threading
import time
from collections.abc import Mapping
from typing import Literal

import pytest
from rich.console import Console

from posharness.cli.display import Display, time_left
from posharness.cli.live import LiveDisplay
from posharness.cli.plain import PlainDisplay
from posharness.cli.tracker import Tracker
from posharness.contracts import CellOutcome, Finished, Progress, Requeued, Started, Waiting
from posharness.contracts.cell import Cell, Choice
from posharness.cost.amount import Amount
from tests.benchmarks.estimates import Recorder


def cell(encoding: str = "absolute", task: str = "copy", seed: int = 0) -> Cell:
    return Cell(
        encoding=Choice(name=encoding, label=encoding, digest="1"),
        attention=Choice(name="softmax", digest="2"),
        body="encoder",
        task=Choice(name=task, label=task, digest="3"),
        seed=seed,
    )


def by_key(*cells: Cell) -> dict[str, Cell]:
    return {cell.key: cell for cell in cells}


def amounts(cells: Mapping[str, Cell], **testing: float) -> dict[str, Amount]:
    """A hundred operations of training for each cell, and tests by the name of the task."""
    return {key: Amount(100, testing.get(cell.task.label, 1)) for key, cell in cells.items()}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def training(key: str, step: int, stage: Literal["training", "evaluating"] = "training") -> Progress:
    return Progress(key, stage, step, 100, loss=1.5, score=0.25)


class TestTracker:
    def start(self, cells: Mapping[str, Cell], workers: int | None = 2) -> tuple[Tracker, Clock]:
        clock = Clock()
        return Tracker(cells, amounts(cells), workers, clock), clock

    def test_time_left_of_a_cell_follows_its_pace_from_the_first_step_heard_of(self) -> None:
        cells = by_key(cell())
        (key,) = cells
        tracker, clock = self.start(cells)
        tracker.record(Started(key))
        clock.now += 30  # starting is not part of the pace
        tracker.record(training(key, 20))
        assert tracker.running[key].left(clock.now) is None
        clock.now += 10
        tracker.record(training(key, 40))
        assert tracker.running[key].left(clock.now) == pytest.approx(30)

    def test_each_stage_has_a_pace_of_its_own(self) -> None:
        cells = by_key(cell())
        (key,) = cells
        tracker, clock = self.start(cells)
        tracker.record(training(key, 0))
        clock.now += 1
        tracker.record(training(key, 100))
        tracker.record(training(key, 0, "evaluating"))
        clock.now += 10
        tracker.record(training(key, 50, "evaluating"))
        assert tracker.running[key].left(clock.now) == pytest.approx(10)

    def test_a_waiting_cell_is_expected_to_take_what_its_task_took(self) -> None:
        quick, slow, waiting = cell(task="copy"), cell(task="bert"), cell("rope", task="bert")
        tracker, clock = self.start(by_key(quick, slow, waiting), workers=1)
        assert tracker.left() is None
        for ended, seconds in ((quick, 5), (slow, 60)):
            tracker.record(Started(ended.key))
            clock.now += seconds
            tracker.record(Finished(ended.key, CellOutcome("done")))
        assert tracker.left() == pytest.approx(60)
        assert tracker.elapsed() == pytest.approx(65)

    def test_waiting_cells_share_the_workers(self) -> None:
        cells = by_key(*(cell(seed=seed) for seed in range(5)))
        tracker, clock = self.start(cells, workers=2)
        first = next(iter(cells))
        tracker.record(Started(first))
        clock.now += 10
        tracker.record(Finished(first, CellOutcome("done")))
        assert tracker.left() == pytest.approx(4 * 10 / 2)

    def test_without_a_number_of_workers_they_are_as_many_as_run(self) -> None:
        cells = by_key(*(cell(seed=seed) for seed in range(8)))
        tracker, clock = self.start(cells, workers=None)
        ended, *running = [*cells][:4]
        tracker.record(Started(ended))
        clock.now += 12
        tracker.record(Finished(ended, CellOutcome("done")))
        assert tracker.left() == pytest.approx(7 * 12)
        for key in running:
            tracker.record(Started(key))
        assert tracker.left() == pytest.approx(12 + 2 * 12)

    def test_what_an_earlier_attempt_has_trained_is_not_part_of_the_pace(self) -> None:
        cells = by_key(cell(), cell(seed=1))
        resumed = next(iter(cells))
        tracker, clock = self.start(cells, workers=1)
        tracker.record(Started(resumed))
        tracker.record(training(resumed, 0))
        clock.now += 2
        tracker.record(Progress(resumed, "training", 60, 100, resumed=60))
        clock.now += 10
        tracker.record(Progress(resumed, "training", 70, 100, resumed=60))
        assert tracker.running[resumed].left(clock.now) == pytest.approx(30)
        # The waiting cell trains all hundred steps.
        assert tracker.left() == pytest.approx(30 + 100, rel=0.1)

    def test_a_training_that_an_earlier_attempt_has_done_is_no_measure_of_another(self) -> None:
        cells = by_key(cell(), cell(seed=1), cell(seed=2))
        tested, trained, _ = cells
        tracker, clock = self.start(cells, workers=1)
        tracker.record(Started(tested))
        tracker.record(training(tested, 0))  # each attempt begins with it
        clock.now += 2
        for step in (0, 50):
            tracker.record(Progress(tested, "evaluating", step, 100, resumed=100))
            clock.now += 5
        tracker.record(Finished(tested, CellOutcome("done")))
        assert tracker.left() is None
        tracker.record(Started(trained))
        tracker.record(training(trained, 0))
        clock.now += 50
        tracker.record(training(trained, 50))
        assert tracker.left() == pytest.approx(50 + 10 + 100 + 10)

    def test_the_start_of_a_resumed_cell_is_not_divided_by_what_is_left_of_it(self) -> None:
        cells = by_key(cell(), cell(seed=1))
        resumed = next(iter(cells))
        tracker, clock = self.start(cells, workers=1)
        tracker.record(Started(resumed))
        clock.now += 4
        for step in (90, 100):
            tracker.record(Progress(resumed, "training", step, 100, resumed=90))
            clock.now += 6
        tracker.record(Progress(resumed, "evaluating", 0, 100, resumed=90))
        clock.now += 1
        tracker.record(Finished(resumed, CellOutcome("done")))
        assert tracker.left() == pytest.approx(4 + 12 / 0.1 + 1)

    def test_a_cell_took_the_time_of_all_its_attempts(self) -> None:
        cells = by_key(cell())
        (key,) = cells
        tracker, clock = self.start(cells)
        for event, seconds in ((Started(key), 30), (Requeued(key), 500), (Started(key), 7)):
            tracker.record(event)
            clock.now += seconds
        tracker.record(Finished(key, CellOutcome("done")))
        assert tracker.seconds[key] == 37

    def test_a_resumed_cell_that_ends_early_counts_the_steps_that_it_made(self) -> None:
        cells = by_key(cell(), cell(seed=1))
        resumed = next(iter(cells))
        tracker, clock = self.start(cells, workers=1)
        tracker.record(Started(resumed))
        tracker.record(Progress(resumed, "training", 20, 100, resumed=20))
        clock.now += 10
        tracker.record(Progress(resumed, "training", 30, 100, resumed=20))
        tracker.record(Progress(resumed, "evaluating", 0, 100, resumed=20))
        tracker.record(Finished(resumed, CellOutcome("done")))
        assert tracker.left() == pytest.approx(30)

    def test_a_test_that_begins_is_expected_by_itself(self) -> None:
        """However long its cell took before it."""
        cells = by_key(cell(), cell(seed=1))
        quick, slow = cells
        tracker, clock = self.start(cells, workers=1)
        for key, pace in ((quick, 1), (slow, 3)):
            tracker.record(Started(key))
            tracker.record(training(key, 0))
            clock.now += 20 * pace
            tracker.record(training(key, 100))
            tracker.record(training(key, 0, "evaluating"))
            if key == quick:
                clock.now += 8
                tracker.record(Finished(key, CellOutcome("done")))
        assert tracker.left() == pytest.approx(8)

    def test_where_a_cluster_decides_as_many_run_at_a_time_as_ever_did(self) -> None:
        cells = by_key(*(cell(seed=seed) for seed in range(8)))
        clock = Clock()
        tracker = Tracker(cells, amounts(cells), None, clock)
        first = list(cells)[:4]
        for key in first:
            tracker.record(Started(key))
            tracker.record(training(key, 0))
        clock.now += 10
        for key in first:
            tracker.record(training(key, 50))
        for key in first[1:]:
            tracker.record(Requeued(key))  # all jobs of an array reach its time limit at once
        assert tracker.left() == pytest.approx(30, rel=0.2)

    def test_a_cell_that_breaks_off_is_no_measure_of_another(self) -> None:
        cells = by_key(*(cell(seed=seed) for seed in range(3)))
        failed, done, _ = cells
        tracker, clock = self.start(cells, workers=1)
        for key, seconds, status in ((failed, 1, "failed"), (done, 60, "done")):
            tracker.record(Started(key))
            clock.now += seconds
            tracker.record(Finished(key, CellOutcome(status)))
            assert tracker.left() == (None if status == "failed" else pytest.approx(60))

    def test_a_cell_that_is_first_seen_when_it_has_ended_is_no_measure_of_another(self) -> None:
        cells = by_key(*(cell(seed=seed) for seed in range(4)))
        trained, *ended, _ = cells
        tracker, clock = self.start(cells, workers=1)
        tracker.record(Started(trained))
        clock.now += 60
        tracker.record(Finished(trained, CellOutcome("done")))
        for key in ended:
            tracker.record(Started(key))
            clock.now += 0.001
            tracker.record(Finished(key, CellOutcome("done")))
        assert tracker.left() == pytest.approx(60)

    def test_the_test_of_another_task_is_expected_by_the_training(self) -> None:
        """How often a test decodes depends on the task: what that of one took says little of another's."""
        cells = by_key(cell(task="copy"), cell(task="bert"))
        clock = Clock()
        tracker = Tracker(cells, amounts(cells, copy=20, bert=50), 1, clock)
        key = next(iter(cells))
        tracker.record(Started(key))
        tracker.record(training(key, 0))
        clock.now += 20
        tracker.record(training(key, 100))
        tracker.record(training(key, 0, "evaluating"))
        clock.now += 60
        tracker.record(Finished(key, CellOutcome("done")))
        assert tracker.left() == pytest.approx(20 + 0.2 * 50)

    def test_the_time_in_a_queue_is_not_part_of_the_time_left(self) -> None:
        done, requeued = by_key(cell(), cell(seed=1))
        tracker, clock = self.start(by_key(cell(), cell(seed=1)), workers=1)
        for key, steps in ((done, 100), (requeued, 50)):
            tracker.record(Started(key))
            tracker.record(training(key, 0))
            clock.now += steps
            tracker.record(training(key, steps))
            if key == done:
                tracker.record(Finished(key, CellOutcome("done")))
        assert tracker.left() == pytest.approx(50, rel=0.1)
        tracker.record(Requeued(requeued))
        assert not tracker.running
        for seconds in (0, 1000):
            clock.now += seconds
            assert tracker.left() == pytest.approx(50, rel=0.1)  # it goes on from its checkpoint
        tracker.record(Started(requeued))
        assert tracker.left() == pytest.approx(50, rel=0.1)
        for step in (50, 60):
            tracker.record(Progress(requeued, "training", step, 100, resumed=50))
            clock.now += 10 * (step == 50)
        assert tracker.left() == pytest.approx(40, rel=0.1)

    def test_tests_and_encodings_count(self) -> None:
        cells = by_key(*(cell(name, seed=seed) for seed in range(2) for name in ("absolute", "rope")))
        tracker, clock = self.start(cells, workers=1)
        for key, pace in zip(list(cells)[:2], (1, 3), strict=True):
            tracker.record(Started(key))
            tracker.record(training(key, 0))
            clock.now += 10 * pace
            tracker.record(training(key, 100))
            tracker.record(training(key, 0, "evaluating"))
            clock.now += 4
            tracker.record(Finished(key, CellOutcome("done")))
        key = list(cells)[2]
        tracker.record(Started(key))
        tracker.record(training(key, 0))
        clock.now += 5
        tracker.record(training(key, 50))
        assert tracker.left() == pytest.approx((5 + 4) + (30 + 4))

    def test_what_is_known_of_no_task_yet_follows_from_the_amounts(self) -> None:
        cells = by_key(cell(task="copy"), cell(task="bert"))
        clock = Clock()
        tracker = Tracker(cells, amounts(cells, copy=20, bert=50), 1, clock)
        key = next(iter(cells))
        tracker.record(Started(key))
        tracker.record(training(key, 0))
        clock.now += 10
        tracker.record(training(key, 50))
        assert tracker.left() == pytest.approx(10 + 4 + 20 + 10)
        clock.now += 10
        tracker.record(training(key, 100))
        tracker.record(training(key, 0, "evaluating"))
        clock.now += 6
        tracker.record(Finished(key, CellOutcome("done")))
        assert tracker.left() == pytest.approx(20 + 10)

    def test_the_start_of_a_cell_is_not_its_pace(self) -> None:
        cells = by_key(cell())
        tracker, clock = self.start(cells)
        (key,) = cells
        tracker.record(training(key, 0))
        clock.now += 8
        tracker.record(training(key, 1))
        assert tracker.running[key].left(clock.now) is None  # not 8 s for each step
        assert tracker.left() is None

    def test_nor_are_its_first_steps(self) -> None:
        cells = by_key(cell())
        tracker, clock = self.start(cells)
        (key,) = cells
        for seconds, step in ((0, 0), (8, 10), (10, 20)):
            clock.now += seconds
            tracker.record(training(key, step))
        assert tracker.running[key].left(clock.now) == pytest.approx(80)

    def test_nothing_is_left_when_all_have_ended(self) -> None:
        cells = by_key(cell(), cell(seed=1))
        tracker, _ = self.start(cells)
        outcomes = dict(zip(cells, (CellOutcome("skipped"), CellOutcome("failed")), strict=True))
        for key, outcome in outcomes.items():
            tracker.record(Finished(key, outcome))
        assert tracker.left() == 0
        assert tracker.ended == outcomes


def test_plain_lines_say_the_start_every_tenth_and_the_end() -> None:
    out = io.StringIO()
    display = PlainDisplay(Console(file=out, width=200))
    cells = by_key(cell())
    (key,) = cells
    with display:
        display.begin(cells, amounts(cells), reused=3, at_once=1)
        display(Started(key))
        for step in range(0, 101, 2):
            display(training(key, step))
        display(training(key, 1, "evaluating"))
        display(training(key, 2, "evaluating"))
        display(Finished(key, CellOutcome("done")))
    lines = out.getvalue().splitlines()
    assert lines[0] == "4 cells: 3 reused, 0 skipped, 1 to train, 1 at a time"
    assert lines[1] == "[0/1] absolute on copy, encoder, seed 0: started"
    steps = [line for line in lines if "step " in line]
    assert [line.partition("step ")[2].partition(",")[0] for line in steps] == [
        f"{step}/100" for step in range(10, 101, 10)
    ]
    assert all("loss 1.500" in line and "score 0.250" in line for line in steps)
    assert sum("evaluating" in line for line in lines) == 1
    assert lines[-1] == "[1/1] absolute on copy, encoder, seed 0: done in 0:00, score 0.250"


def test_the_benchmark_notes_the_time_left_until_the_last_training_ends() -> None:
    cells = by_key(cell(), cell(seed=1))
    recorder = Recorder()
    recorder.begin(cells, amounts(cells), reused=0, at_once=1)
    for key in cells:
        assert not recorder.ended
        recorder(Started(key))
        recorder(training(key, 50))
        recorder(Finished(key, CellOutcome("done")))
    assert len(recorder.noted) == 5
    assert recorder.ended >= recorder.noted[-1][0]


def test_the_end_of_a_cell_says_what_is_left_of_the_run_and_that_readings_come_after_it() -> None:
    out = io.StringIO()
    display = PlainDisplay(Console(file=out, width=200))
    trained = [cell(seed=seed) for seed in range(3)]
    readings = [each.model_copy(update={"pretrained": each.key}) for each in trained]
    cells = by_key(*trained, *readings)
    first, second, third, reading, *_ = cells
    display.begin(cells, amounts(cells), reused=0, at_once=1)
    assert display.tracker is not None
    display.tracker.clock = clock = Clock()
    for key, seconds in ((first, 60), (second, 60), (third, 60), (reading, 20)):
        display(Started(key))
        assert time_left(display.tracker).endswith("3 readings left" if key == reading else "")
        clock.now += seconds
        display(Finished(key, CellOutcome("done")))
    ended = [line.partition("seed ")[2] for line in out.getvalue().splitlines() if "done in" in line]
    assert ended == [
        "0: done in 1:00; about 2:00 left, then 3 readings",
        "1: done in 1:00; about 1:00 left, then 3 readings",
        "2: done in 1:00; 3 readings left",
        "0: done in 0:20; about 0:40 left",
    ]


@pytest.mark.parametrize(("at_once", "said"), [(2, ", 2 at a time"), (None, "")])
def test_the_first_line_says_how_many_run_at_a_time_if_that_is_known(at_once: int | None, said: str) -> None:
    out = io.StringIO()
    cells = by_key(*(cell(seed=seed) for seed in range(6)))
    PlainDisplay(Console(file=out, width=200)).begin(cells, amounts(cells), reused=0, at_once=at_once)
    assert out.getvalue() == f"6 cells: 0 reused, 0 skipped, 6 to train{said}\n"


def test_a_preparation_is_announced_once() -> None:
    out = io.StringIO()
    display = PlainDisplay(Console(file=out))
    for task in ("copy", "sort", "copy"):
        display.announce(f"preparing {task}")
    assert out.getvalue().split() == ["preparing", "copy", "preparing", "sort"]


def test_a_failure_says_its_reason_as_it_happens() -> None:
    out = io.StringIO()
    display = PlainDisplay(Console(file=out, width=200))
    cells = by_key(cell())
    (key,) = cells
    display.begin(cells, amounts(cells), reused=0, at_once=1)
    display(Finished(key, CellOutcome("failed", "ValueError: [bold]no[/bold] such length")))
    assert "failed: ValueError: [bold]no[/bold] such length" in out.getvalue()


@pytest.mark.parametrize("sort", [PlainDisplay, LiveDisplay])
def test_who_makes_a_cell_that_is_waited_for_is_said(sort: type[PlainDisplay] | type[LiveDisplay]) -> None:
    out = io.StringIO()
    display = sort(Console(file=out, width=200))
    cells = by_key(cell())
    (key,) = cells
    display.begin(cells, amounts(cells), reused=0, at_once=1)
    display(Waiting(key, "process 7 on here since 2026"))
    assert "seed 0: waiting for process 7 on here since 2026, which makes it" in out.getvalue()
    display(Requeued(key))
    assert "seed 0: its process ended; waiting to go on" in out.getvalue()


def rendered(display: Display, console: Console) -> list[str]:
    with console.capture() as captured:
        console.print(display)
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_live_display_fits_its_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=10, force_terminal=True, no_color=True)
    display = LiveDisplay(console)
    assert "starting" in rendered(display, console)[0]
    cells = by_key(*(cell("relative[clip=8,values=false]", "offset_recall", seed) for seed in range(12)))
    display.begin(cells, amounts(cells), reused=0, at_once=12)
    for key in cells:
        display(Started(key))
        display(Progress(key, "training", 1234, 2000, loss=1.2345678, score=0.5))
    lines = rendered(display, console)
    assert len(lines) <= 9
    assert "and 6 more" in lines[-1]
    assert "0 of 12 cells" in lines[0]
    assert "1234/2000" in lines[1]
    assert [f" s{seed} " in line for seed, line in enumerate(lines[1:7])] == [True] * 6
    assert "score 0.500" in lines[1]


def test_a_line_is_printed_while_another_thread_redraws() -> None:
    """Which holds the console, and then asks for what to draw."""
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    cells = by_key(cell())
    (key,) = cells
    display = LiveDisplay(console)
    display.begin(cells, amounts(cells), reused=0, at_once=1)
    redraws = threading.Event()

    def redraw() -> None:
        with display._live._lock:
            redraws.set()
            time.sleep(0.3)
            display.__rich__()

    def print_a_line() -> None:
        redraws.wait()
        display(Requeued(key))

    display._live.start()  # and not as a context, whose end would wait for ever if they are stuck
    threads = [threading.Thread(target=each, daemon=True) for each in (redraw, print_a_line)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    display.close()


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_that_is_being_stopped_says_no_time_left(status: Literal["interrupted", "failed"]) -> None:
    out = io.StringIO()
    cells = by_key(*(cell(seed=seed) for seed in range(3)))
    first, second, _ = cells
    display = PlainDisplay(Console(file=out, width=200))
    display.begin(cells, amounts(cells), reused=0, at_once=2)
    clock = Clock()
    assert display.tracker is not None
    display.tracker.clock = clock
    for step in (0, 10, 20):
        for key in (first, second):
            display(training(key, step))
        clock.now += 10
    display(Finished(first, CellOutcome(status, "why")))
    assert (" left" in out.getvalue().splitlines()[-1]) == (status == "failed")


def test_no_colour_leaves_no_colour() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, height=24, force_terminal=True, _environ={"NO_COLOR": "1"})
    cells = by_key(cell())
    (key,) = cells
    with LiveDisplay(console) as display:
        display.begin(cells, amounts(cells), reused=0, at_once=1)
        display(Started(key))
        display(training(key, 50))
        console.print(display)
        display(Finished(key, CellOutcome("crashed", "killed by signal 9")))
    assert "killed by signal 9" in out.getvalue()
    assert "\x1b[3" not in out.getvalue()
