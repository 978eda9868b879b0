"""The progress of a run: a live display on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from posharness.cli.output import STYLES, duration, number
from posharness.cli.tracker import Running, Tracker
from posharness.contracts.executor import Finished, Progress, Started

if TYPE_CHECKING:
    from posharness.cell import Cell
    from posharness.contracts.executor import Event

__all__ = ["Display", "LiveDisplay", "PlainDisplay", "display_for"]

_WIDTH_OF_BARS = 76
"""Terminals with fewer columns show the numbers of a cell without its bar."""


def display_for(console: Console) -> Display:
    """The display that suits where the output goes."""
    # FORCE_COLOR makes Rich see a terminal in a log file, where a display that redraws is unreadable.
    if console.is_interactive and sys.stdout.isatty():
        return LiveDisplay(console)
    return PlainDisplay(console)


class Display(AbstractContextManager["Display"], ABC):
    """Shows a run; called with its events, in order, from any thread."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.tracker: Tracker | None = None
        self._lock = RLock()

    def announce(self, message: str) -> None:
        """Say what is being prepared, before anything trains."""
        self.console.print(message, style="dim", soft_wrap=True)

    def begin(self, cells: Mapping[str, Cell], *, reused: int, workers: int) -> None:
        """Take the cells that the run is for, by key; how many more are reused; and how many run at once."""
        with self._lock:
            self.tracker = Tracker(cells, workers)
        skipped = sum(bool(cell.skip) for cell in cells.values())
        todo = len(cells) - skipped
        self.console.print(
            f"{len(cells) + reused} cells: {reused} reused, {skipped} skipped, {todo} to train"
            + (f", {min(workers, todo)} at a time" if todo else "")
        )

    def __call__(self, event: Event) -> None:
        with self._lock:
            if self.tracker is not None:
                self.tracker.hear(event)
                self.show(event, self.tracker)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def show(self, event: Event, tracker: Tracker) -> None:
        """Show an event that the tracker has heard."""

    def close(self) -> None:
        """The run is over."""


class PlainDisplay(Display):
    """One line when a cell begins, at every tenth of its training, and when it ends."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._tenths: dict[str, int] = {}

    def show(self, event: Event, tracker: Tracker) -> None:
        if isinstance(event, Started):
            self._print(tracker, event.key, "started")
        elif isinstance(event, Progress):
            tenth = 10 * event.step // max(1, event.steps) if event.stage == "training" else 11
            if tenth > self._tenths.get(event.key, 0):
                self._tenths[event.key] = tenth
                self._print(tracker, event.key, ", ".join(_words(tracker, event)))
        else:
            self._print(tracker, event.key, _ending(tracker, event))

    def _print(self, tracker: Tracker, key: str, said: str) -> None:
        total = len(tracker.cells)
        count = f"[{len(tracker.ended):>{len(str(total))}}/{total}]"
        self.console.print(f"{count} {tracker.cells[key]}: {said}", soft_wrap=True, markup=False)


class LiveDisplay(Display):
    """An overall bar and one line for each running cell, redrawn; ended cells scroll away above."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def close(self) -> None:
        self._live.stop()

    def show(self, event: Event, tracker: Tracker) -> None:
        if isinstance(event, Finished):
            said = Text(_ending(tracker, event), style=STYLES[event.status])
            self._live.console.print(Text(f"{tracker.cells[event.key]}: ") + said)

    def __rich__(self) -> RenderableType:
        with self._lock:
            if self.tracker is None:
                return Text("preparing the tasks …", style="dim")
            room = max(1, self.console.height - 4)
            shown = list(self.tracker.running.items())[:room]
            grid = Table.grid(padding=(0, 1), expand=True)
            grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
            grid.add_column(max_width=16, no_wrap=True, overflow="ellipsis")
            if bars := self.console.width >= _WIDTH_OF_BARS:
                grid.add_column(width=10, no_wrap=True)
            for _ in range(4):
                grid.add_column(justify="right", no_wrap=True)
            for key, running in shown:
                *names, bar, step, loss, score, left = _row(self.tracker, key, running)
                grid.add_row(*names, *([bar] if bars else []), step, loss, score, left)
            parts: list[RenderableType] = [_overall(self.tracker), grid]
            if hidden := len(self.tracker.running) - len(shown):
                parts.append(Text(f"and {hidden} more", style="dim"))
            return Group(*parts)


def _overall(tracker: Tracker) -> Table:
    total, ended = len(tracker.cells), len(tracker.ended)
    wrong = sum(count for status, count in tracker.counts.items() if status not in ("done", "skipped"))
    left = tracker.left()
    line = Table.grid(padding=(0, 1), expand=True)
    line.add_column(no_wrap=True)
    line.add_column(ratio=1)
    for _ in range(3):
        line.add_column(justify="right", no_wrap=True)
    line.add_row(
        Text(f"{ended} of {total} cells", style="bold"),
        ProgressBar(total=max(1, total), completed=ended),
        Text(f"{wrong} not done" if wrong else "", style=STYLES["failed"]),
        Text(duration(tracker.elapsed())),
        Text("" if left is None else f"about {duration(left)} left"),
    )
    return line


def _row(tracker: Tracker, key: str, running: Running) -> list[RenderableType]:
    cell, last = tracker.cells[key], running.last
    bodies = {other.body for other in tracker.cells.values() if other.task.label == cell.task.label}
    body = f" {cell.body}" if len(bodies) > 1 else ""
    name: list[RenderableType] = [Text(cell.label), Text(f"{cell.task.label}{body} s{cell.seed}")]
    if last is None:
        return [*name, Text("starting", style="dim"), "", "", "", ""]
    left = running.left(tracker.clock())
    stage: RenderableType = ProgressBar(total=max(1, last.steps), completed=last.step)
    if last.stage == "evaluating":
        stage = Text("evaluating", style="cyan")
    return [
        *name,
        stage,
        f"{last.step}/{last.steps}",
        "" if last.loss is None else f"loss {number(last.loss)}",
        "" if last.score is None else f"score {number(last.score)}",
        "" if left is None else duration(left),
    ]


def _words(tracker: Tracker, event: Progress) -> list[str]:
    words = [f"{'step ' if event.stage == 'training' else 'evaluating '}{event.step}/{event.steps}"]
    if event.loss is not None:
        words.append(f"loss {number(event.loss)}")
    if event.score is not None:
        words.append(f"score {number(event.score)}")
    if (left := tracker.running[event.key].left(tracker.clock())) is not None:
        words.append(f"{duration(left)} left")
    return words


def _ending(tracker: Tracker, event: Finished) -> str:
    said: str = event.status
    if (seconds := tracker.seconds.get(event.key)) is not None:
        said += f" in {duration(seconds)}"
    if event.status == "done" and (score := tracker.scores.get(event.key)) is not None:
        said += f", score {number(score)}"
    return f"{said}: {event.reason}" if event.reason else said
