"""What every display of a run does: count the cells, track the events, and word how a cell ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from posharness.cli.output import count, duration, number
from posharness.cli.tracker import Tracker
from posharness.contracts.executor import Requeued

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell
    from posharness.contracts.executor import Event, Finished, Waiting
    from posharness.cost.amount import Amount

__all__ = ["Display", "ending", "time_left", "waiting"]


class Display(AbstractContextManager["Display"], ABC):
    """Shows a run: call it with each event, in order, from any thread.

    Nothing is printed while the tracker is locked: a thread that redraws locks the console and then the
    tracker, and each would wait for the other.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.tracker: Tracker | None = None
        self._announced: set[str] = set()
        self._lock, self._in_order = RLock(), RLock()

    def announce(self, message: str) -> None:
        """Print which task or reading is being prepared, once: several bodies and plans may prepare it."""
        if message not in self._announced:
            self._announced.add(message)
            self.console.print(message, style="dim", soft_wrap=True)

    def begin(
        self, cells: Mapping[str, Cell], amounts: Mapping[str, Amount], *, reused: int, at_once: int | None
    ) -> None:
        """Print the number of cells of each sort, and start to track them.

        Args:
            cells: those to run, by key.
            amounts: how much each of those that train computes.
            reused: the number of the others.
            at_once: how many run at a time; None if that is not known.
        """
        with self._lock:
            self.tracker = Tracker(cells, amounts, at_once)
        todo = [cell for cell in cells.values() if not cell.skip]
        read = sum(bool(cell.pretrained) for cell in todo)
        self.console.print(
            f"{count('cell', len(cells) + reused)}: {reused} reused, {len(cells) - len(todo)} skipped, "
            f"{len(todo) - read} to train"
            + (f", {read} to read" if read else "")
            + (f", {at_once} at a time" if todo and at_once else "")
        )

    def __call__(self, event: Event) -> None:
        with self._in_order:
            with self._lock:
                if self.tracker is None:
                    return
                self.tracker.record(event)
                line = self.line(event, self.tracker)
            if line is not None:
                self.print(line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def line(self, event: Event, tracker: Tracker) -> Text | None:
        """What is printed of an event that the tracker has recorded; None for nothing."""

    @abstractmethod
    def print(self, line: Text) -> None:
        """Print a line."""

    def close(self) -> None:
        """End the display: the run is over."""


def waiting(event: Waiting | Requeued) -> str:
    """What a cell waits for: another process that makes it, or to be started again."""
    if isinstance(event, Requeued):
        return "its process ended; waiting to go on"
    return f"waiting for {event.holder}, which makes it"


def time_left(tracker: Tracker) -> str:
    """The time left of the run, and the readings that come after it, whose length is not known."""
    left, readings = tracker.left(), tracker.unknown()
    if left is None:
        return ""
    if readings and not left:
        return f"{count('reading', readings)} left"
    return f"about {duration(left)} left" + (f", then {count('reading', readings)}" if readings else "")


def ending(tracker: Tracker, event: Finished) -> str:
    """The status of an ended cell, the time it took, and its score or the reason."""
    outcome = event.outcome
    text: str = outcome.status
    if (seconds := tracker.seconds.get(event.key)) is not None:
        text += f" in {duration(seconds)}"
    if outcome.status == "done" and (score := tracker.scores.get(event.key)) is not None:
        text += f", score {number(score)}"
    return f"{text}: {outcome.reason}" if outcome.reason else text
