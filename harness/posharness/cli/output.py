"""Output of every command: the two consoles, tables, JSON, durations and error messages."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["STYLES", "complain", "console", "duration", "number", "prepare_streams", "print_json", "table"]

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
}
"""The style of each status; the word itself is always printed too."""

_PIPE_WIDTH = 100_000
"""No line of a table is as long."""


def console(*, stderr: bool = False) -> Console:
    """A console on the present stdout or stderr. Rich honours NO_COLOR, COLUMNS and TERM=dumb."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        # A pipe has no width: a word that is broken over two lines is not found by a script.
        made.width = _PIPE_WIDTH
    return made


def complain(message: str) -> None:
    """Print an error message on stderr."""
    console(stderr=True).print(Text("harness: ", style="bold red") + Text(message), soft_wrap=True)


def prepare_streams() -> None:
    """Print "?" for characters that the output's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(value: Any) -> None:
    """Strict JSON on stdout, for programs: no colour, no wrapping; null for a number that is not finite."""
    print(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False), flush=True)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def table(*columns: str, title: str = "") -> Table:
    """An empty table in the style of all commands."""
    made = Table(
        title=title or None,
        box=SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def duration(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def number(value: float | None, digits: int = 3) -> str:
    """A measured value; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"
