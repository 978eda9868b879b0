"""The progress of a run as plain lines, for pipes and log files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

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

    def show(self, event: Event, tracker: Tracker) -> None:
        if isinstance(event, Started):
            self._print(tracker, event.key, "started")
        elif isinstance(event, Progress):
            tenth = 10 * event.step // max(1, event.steps) if event.stage == "training" else 11
            if tenth > self._tenths.get(event.key, 0):
                self._tenths[event.key] = tenth
                self._print(tracker, event.key, ", ".join(_words(tracker, event)))
        elif isinstance(event, Waiting | Requeued):
            self._print(tracker, event.key, waiting(event))
        else:
            left = time_left(tracker) if len(tracker.ended) < len(tracker.cells) else ""
            self._print(
                tracker, event.key, "; ".join(part for part in (ending(tracker, event), left) if part)
            )

    def _print(self, tracker: Tracker, key: str, text: str) -> None:
        total = len(tracker.cells)
        count = f"[{len(tracker.ended):>{len(str(total))}}/{total}]"
        self.console.print(f"{count} {tracker.cells[key]}: {text}", soft_wrap=True, markup=False)


def _words(tracker: Tracker, event: Progress) -> list[str]:
    words = [f"{'step ' if event.stage == 'training' else 'evaluating '}{event.step}/{event.steps}"]
    if event.loss is not None:
        words.append(f"loss {number(event.loss)}")
    if event.score is not None:
        words.append(f"score {number(event.score)}")
    if (left := tracker.running[event.key].left(tracker.clock())) is not None:
        words.append(f"{duration(left)} left")
    return words
