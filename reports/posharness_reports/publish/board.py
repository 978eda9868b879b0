"""The board of a site: normalised accuracy of encodings on tasks, over all reports with like settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Board", "Column", "Entry", "boards"]


@dataclass(frozen=True)
class Entry:
    """A value, and the newest report that has it."""

    value: float
    report: str
    title: str
    created: str


@dataclass(frozen=True)
class Column:
    """Runs of one task that may be compared: `settings` counts the different settings of the task, from 1."""

    task: str
    settings: int
    of: int
    entries: Mapping[str, Entry]


@dataclass(frozen=True)
class Board:
    """All columns of a scope, and the labels of their rows."""

    scope: str
    columns: list[Column]
    labels: list[str]


def boards(reports: Sequence[Mapping[str, Any]]) -> list[Board]:
    """The boards of all reports, the newest first.

    Runs with unlike settings, length or version of the task are never in one column.
    """
    found: dict[str, dict[str, dict[str, dict[str, Entry]]]] = {}
    for report in reports:
        for row in report.get("board", ()):
            column = (
                found.setdefault(row["scope"], {}).setdefault(row["task"], {}).setdefault(row["like"], {})
            )
            entry = Entry(row["value"], report["id"], report["title"], report["created"])
            column.setdefault(row["label"], entry)
    return [_board(scope, tasks) for scope, tasks in sorted(found.items())]


def _board(scope: str, tasks: Mapping[str, Mapping[str, Mapping[str, Entry]]]) -> Board:
    columns = [
        Column(task, number, len(alike), entries)
        for task, alike in sorted(tasks.items())
        # The settings that most encodings were run with come first.
        for number, (_, entries) in enumerate(
            sorted(alike.items(), key=lambda item: (-len(item[1]), item[0])), 1
        )
    ]
    return Board(scope, columns, sorted({label for column in columns for label in column.entries}))
