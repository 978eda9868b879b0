"""The board of a site: normalised accuracy of encodings on tasks, over all reports with like settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Board", "Column", "Entry", "boards"]


@dataclass(frozen=True)
class Entry:
    """A value, the number of its seeds (0 where it is not known), and the newest report that has it."""

    value: float
    seeds: int
    report: str
    title: str
    created: str


@dataclass(frozen=True)
class Column:
    """Runs of one task that may be compared.

    Attributes:
        settings: counts the different settings of the task from 1, those of the oldest report first.
        at: at what length and distance.
        words: all settings.
        apart: those of them that other columns of the task do not share.
    """

    task: str
    settings: int
    of: int
    entries: Mapping[str, Entry]
    at: str = ""
    words: str = ""
    apart: str = ""


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
    about: dict[tuple[str, str, str], tuple[str, str]] = {}
    oldest: dict[tuple[str, str, str], str] = {}
    for report in reports:
        for row in report.get("board", ()):
            column = (
                found.setdefault(row["scope"], {}).setdefault(row["task"], {}).setdefault(row["like"], {})
            )
            place = row["scope"], row["task"], row["like"]
            about.setdefault(place, (row.get("at", ""), row.get("settings", "")))
            oldest[place] = report["created"]
            entry = Entry(row["value"], row.get("seeds", 0), report["id"], report["title"], report["created"])
            column.setdefault(row["label"], entry)
    return [_board(scope, tasks, about, oldest) for scope, tasks in sorted(found.items())]


def _board(
    scope: str,
    tasks: Mapping[str, Mapping[str, Mapping[str, Entry]]],
    about: Mapping[tuple[str, str, str], tuple[str, str]],
    oldest: Mapping[tuple[str, str, str], str],
) -> Board:
    columns = []
    for task, alike in sorted(tasks.items()):
        words = {like: about[scope, task, like][1].split() for like in alike}
        shared = set.intersection(*map(set, words.values()))
        # A column keeps its number as reports are added.
        aged = sorted(alike, key=lambda like: (oldest[scope, task, like], like))
        # The settings that most encodings were run with come first.
        ordered = sorted(alike.items(), key=lambda item: (-len(item[1]), item[0]))
        for like, entries in ordered:
            number = aged.index(like) + 1
            apart = " ".join(word for word in words[like] if word not in shared)
            at = about[scope, task, like][0]
            columns.append(Column(task, number, len(alike), entries, at, " ".join(words[like]), apart))
    return Board(scope, columns, sorted({label for column in columns for label in column.entries}))
