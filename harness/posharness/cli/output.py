"""Output of every command: the two consoles, tables, JSON, durations and error messages."""

from __future__ import annotations

import io
import math
import os
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Span, Text

from posharness.errors import HarnessWarning
from posharness.visible import isolated, shortened, visible

__all__ = [
    "NOT_BEGUN",
    "STYLES",
    "command_line",
    "complain",
    "console",
    "count",
    "duration",
    "number",
    "prepare_streams",
    "print_json",
    "print_rows",
    "shown_warnings",
    "table",
]

NOT_BEGUN = "not begun"
"""What is said of a cell of which the store knows nothing, in the place of its status."""

STYLES = {
    "done": "green",
    "reused": "green",
    "running": "cyan",
    "failed": "bold red",
    "diverged": "bold red",
    "crashed": "bold red",
    "timeout": "bold red",
    "interrupted": "yellow",
    "skipped": "yellow",
    NOT_BEGUN: "dim",
}
"""The style of each status; the word itself is always printed too."""

_LONG = 500
"""The number of rows from which a table is written line by line."""

_PIPE_WIDTH = 100_000
"""More characters than any line of a table has."""


class _Console(Console):
    """A console whose texts cannot steer the terminal, whoever wrote them: plugins, files or the user."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        # A script that reads a pipe looks for the words as they are.
        show = isolated if self.is_terminal and self.encoding.startswith("utf") else visible
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else show(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style)


def console(*, stderr: bool = False) -> Console:
    """A console on the current stdout or stderr. Rich honours NO_COLOR, COLUMNS and TERM=dumb."""
    output = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not output.is_terminal and "COLUMNS" not in os.environ:
        # A pipe has no width, and a script does not find a word that is broken over two lines.
        output.width = _PIPE_WIDTH
    return output


def command_line() -> str:
    """The command as it was typed, for a shell."""
    return shlex.join(["harness", *sys.argv[1:]])


def complain(message: str) -> None:
    """Print an error message on stderr; the middle of an endless one is left out."""
    console(stderr=True).print(Text("harness: ", style="bold red") + Text(shortened(message)), soft_wrap=True)


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Print each `HarnessWarning` of a block on stderr at once, but only once, and without a line of code.

    Other warnings are shown as always, without what steers a terminal.
    """
    shown: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", HarnessWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            text = visible(str(message))
            if not issubclass(category, HarnessWarning):
                others(message if text == str(message) else text, category, *place, **more)
            elif text not in shown:
                shown.add(text)
                line = Text("harness: ", style="bold yellow") + Text(f"warning: {text}")
                console(stderr=True).print(line, soft_wrap=True)

        warnings.showwarning = show
        yield


def prepare_streams() -> None:
    """Print "?" for characters that the encoding of the output lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(value: Any) -> None:
    """Print strict JSON on stdout, for programs: without colour or wrapping."""
    # Not at the top: the contracts import torch, and no help waits for that.
    from posharness.contracts.strict_json import strict_json

    print(strict_json(value, indent=2), flush=True)


def table(*columns: str, title: str = "") -> Table:
    """An empty table in the style of all commands."""
    empty = Table(
        title=title or None,
        box=SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        empty.add_column(column, overflow="fold")
    return empty


def print_rows(out: Console, columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Print a table of one line a row.

    Rich takes a millisecond for each row of a table, most of it to fold fields. Of a long table the lines are
    as long as they need to be.
    """
    if len(rows) < _LONG:
        made = table(*columns)
        for row in rows:
            made.add_row(*row)
        out.print(made)
        return
    every = [columns, *rows]
    widths = [max(cell_len(str(row[i])) for row in every) for i in range(len(columns))]
    written, spans, place = ["\n"], list[Span](), 1
    for n, row in enumerate(every):
        for field, width in zip(row, widths, strict=True):
            word = str(field)
            written.append(f" {word}{' ' * (width - cell_len(word))} ")
            if style := field.style if isinstance(field, Text) else "" if n else "bold":
                spans.append(Span(place, place + len(written[-1]), style))
            place += len(written[-1])
        written.append(f"\n {'─' * (sum(widths) + 2 * len(widths) - 2)}\n" if n == 0 else "\n")
        place += len(written[-1])
    text = Text("".join(written), spans=spans)
    out.print(text, soft_wrap=True)


def duration(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(noun: str, n: int) -> str:
    """A number of things: "1 cell", "2 cells"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def number(value: float | None, digits: int = 3) -> str:
    """A measured value; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"
