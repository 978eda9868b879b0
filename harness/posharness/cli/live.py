"""The progress of a run on a terminal: an overall bar and a line for each running cell, redrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from posharness.cli.display import Display, ending, time_left, waiting
from posharness.cli.output import STYLES, count, duration, number
from posharness.cli.tracker import Running, Tracker
from posharness.contracts.executor import Finished, Requeued, Waiting

if TYPE_CHECKING:
    from posharness.contracts.executor import Event

__all__ = ["LiveDisplay"]

_WIDTH_OF_BARS = 76
"""Terminals with fewer columns show the numbers of a cell without its bar."""


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

    def line(self, event: Event, tracker: Tracker) -> Text | None:
        if isinstance(event, Finished):
            text = Text(ending(tracker, event), style=STYLES[event.outcome.status])
            return Text(f"{tracker.cells[event.key]}: ") + text
        if isinstance(event, Waiting | Requeued):
            return Text(f"{tracker.cells[event.key]}: {waiting(event)}", style="dim")
        return None

    def print(self, line: Text) -> None:
        self._live.console.print(line)

    def __rich__(self) -> RenderableType:
        with self._lock:
            if self.tracker is None:
                return Text("starting …", style="dim")
            room = max(1, self.console.height - 4)
            shown = list(self.tracker.running.items())[:room]
            grid = Table.grid(padding=(0, 1), expand=True)
            grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
            grid.add_column(max_width=14, no_wrap=True, overflow="ellipsis")
            grid.add_column(no_wrap=True)
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
    failed = sum(outcome.failed for outcome in tracker.ended.values())
    line = Table.grid(padding=(0, 1), expand=True)
    line.add_column(no_wrap=True)
    line.add_column(ratio=1)
    for _ in range(3):
        line.add_column(justify="right", no_wrap=True)
    line.add_row(
        Text(f"{ended} of {count('cell', total)}", style="bold"),
        ProgressBar(total=max(1, total), completed=ended),
        Text(f"{failed} not done" if failed else "", style=STYLES["failed"]),
        Text(duration(tracker.elapsed())),
        Text(time_left(tracker)),
    )
    return line


def _row(tracker: Tracker, key: str, running: Running) -> list[RenderableType]:
    cell, last = tracker.cells[key], running.last
    bodies = {other.body_name for other in tracker.cells.values() if other.task.label == cell.task.label}
    body = f" {cell.body_name}" if len(bodies) > 1 else ""
    name: list[RenderableType] = [Text(cell.label), Text(f"{cell.task.label}{body}"), Text(f"s{cell.seed}")]
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
