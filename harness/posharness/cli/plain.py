"""The progress of a run as plain lines, for pipes and log files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from posharness.cli.display import Display, ending, time_left, waiting
from posharness.cli.output import duration, number
from posharness.contracts.executor import Progress, Requeued, Started, Waiting

if TYPE_CHECKING:
    from posharness.cli.tracker import Tracker
    from posharness.contracts.executor import Event

__all__ = ["PlainDisplay"]


class PlainDisplay(Display):
    """One line when a cell starts, at every tenth of its training, and when it ends."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._tenths: dict[str, int] = {}

    def line(self, event: Event, tracker: Tracker) -> Text | None:
        text = self._text(event, tracker)
        total = len(tracker.cells)
        count = f"[{len(tracker.ended):>{len(str(total))}}/{total}]"
        return Text(f"{count} {tracker.cells[event.key]}: {text}") if text else None

    def print(self, line: Text) -> None:
        self.console.print(line, soft_wrap=True)

    def _text(self, event: Event, tracker: Tracker) -> str:
        """What is said of the cell; "" for nothing."""
        if isinstance(event, Started):
            return "started"
        if isinstance(event, Progress):
            tenth = 10 * event.step // max(1, event.steps) if event.stage == "training" else 11
            if tenth <= self._tenths.get(event.key, 0):
                return ""
            self._tenths[event.key] = tenth
            return ", ".join(_words(tracker, event))
        if isinstance(event, Waiting | Requeued):
            return waiting(event)
        # Where a cell is interrupted, the run is being stopped.
        last = len(tracker.ended) == len(tracker.cells) or event.outcome.status == "interrupted"
        left = "" if last else time_left(tracker)
        return "; ".join(part for part in (ending(tracker, event), left) if part)


def _words(tracker: Tracker, event: Progress) -> list[str]:
    words = [f"{'step ' if event.stage == 'training' else 'evaluating '}{event.step}/{event.steps}"]
    if event.loss is not None:
        words.append(f"loss {number(event.loss)}")
    if event.score is not None:
        words.append(f"score {number(event.score)}")
    if (left := tracker.running[event.key].left(tracker.clock())) is not None:
        words.append(f"{duration(left)} left")
    return words
