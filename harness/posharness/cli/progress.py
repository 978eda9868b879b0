"""The progress of a run: what every display does, and plain lines for where nothing can be redrawn."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console

from posharness.cli.output import duration, number
from posharness.cli.tracker import Tracker
from posharness.contracts.executor import Finished, Progress, Started

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell
    from posharness.contracts.executor import Event

__all__ = ["Display", "PlainDisplay", "display_for", "ending"]


def display_for(console: Console) -> Display:
    """The display that suits where the output goes."""
    # FORCE_COLOR makes Rich see a terminal in a log file, where a display that redraws is unreadable.
    if console.is_interactive and sys.stdout.isatty():
        from posharness.cli.live import LiveDisplay

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
        todo = [cell for cell in cells.values() if not cell.skip]
        read = sum(bool(cell.pretrained) for cell in todo)
        self.console.print(
            f"{len(cells) + reused} cells: {reused} reused, {len(cells) - len(todo)} skipped, "
            f"{len(todo) - read} to train"
            + (f", {read} to read" if read else "")
            + (f", {min(workers, len(todo))} at a time" if todo else "")
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
            self._print(tracker, event.key, ending(tracker, event))

    def _print(self, tracker: Tracker, key: str, said: str) -> None:
        total = len(tracker.cells)
        count = f"[{len(tracker.ended):>{len(str(total))}}/{total}]"
        self.console.print(f"{count} {tracker.cells[key]}: {said}", soft_wrap=True, markup=False)


def _words(tracker: Tracker, event: Progress) -> list[str]:
    words = [f"{'step ' if event.stage == 'training' else 'evaluating '}{event.step}/{event.steps}"]
    if event.loss is not None:
        words.append(f"loss {number(event.loss)}")
    if event.score is not None:
        words.append(f"score {number(event.score)}")
    if (left := tracker.running[event.key].left(tracker.clock())) is not None:
        words.append(f"{duration(left)} left")
    return words


def ending(tracker: Tracker, event: Finished) -> str:
    """How a cell ended, how long it took, and its score or what was the matter."""
    said: str = event.status
    if (seconds := tracker.seconds.get(event.key)) is not None:
        said += f" in {duration(seconds)}"
    if event.status == "done" and (score := tracker.scores.get(event.key)) is not None:
        said += f", score {number(score)}"
    return f"{said}: {event.reason}" if event.reason else said
