"""The folder of a compiled report: which files belong to it, read without following a link."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from posharness_reports.publish.preview import PREVIEW

__all__ = ["FORMAT", "NotAReport", "ReportFolder", "read_about", "read_report"]

FORMAT = 1
"""The format of report.json."""

_ENDINGS = {
    "figures": (".svg", ".png", ".pdf"),
    "paper": (".svg", ".pdf"),
    "tables": (".csv", ".tex"),
    "data": (".csv", ".parquet"),
}
_PAGES = (
    *("report.html", "report.md", "report.json", "made.json", "methods.txt", "references.bib"),
    PREVIEW,
)
# Safe as the name of a folder and as a part of an address, everywhere.
_ID = re.compile(r"[a-z0-9][a-z0-9-]{3,63}")


class NotAReport(Exception):
    """A folder is not a compiled report; the message is a clause that says why."""


@dataclass(frozen=True)
class ReportFolder:
    """What is in the folder of a report.

    Attributes:
        about: the content of report.json.
        files: the files that belong to a report, by their path in the folder.
        others: the names of everything else.
    """

    about: Mapping[str, Any]
    files: Mapping[str, bytes]
    others: tuple[str, ...]


def read_report(folder: Path) -> ReportFolder:
    """Read all files of a report.

    Raises:
        NotAReport: something that belongs to a report is missing, damaged or not a plain file; or `folder`
            or anything in it is a link.
    """
    files: dict[str, bytes] = {}
    others: list[str] = []
    with _opened(folder) as place:
        names = _names(place)
        about = _about(place)
        for name in names:
            if name in _PAGES:
                files[name] = _content(place, name)
            elif name in _ENDINGS:
                with _opened(name, place) as inner:
                    for part in _names(inner, f"{name}/"):
                        if part.endswith(_ENDINGS[name]):
                            files[f"{name}/{part}"] = _content(inner, part, f"{name}/")
                        else:
                            others.append(f"{name}/{part}")
            else:
                others.append(name)
    return ReportFolder(about, files, tuple(others))


def read_about(folder: Path) -> dict[str, Any]:
    """Read report.json.

    Raises:
        NotAReport: as for `read_report`, judged by report.json and report.html alone.
    """
    with _opened(folder) as place:
        return _about(place)


@contextmanager
def _opened(folder: Path | str, parent: int | None = None) -> Iterator[int]:
    """The descriptor of a folder: what is read relative to it is in it, whatever is renamed meanwhile."""
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except FileNotFoundError:
        raise NotAReport("it does not exist") from None
    except (OSError, ValueError) as error:
        name = "it" if parent is None else repr(folder)
        if os.path.islink(folder) and parent is None:
            raise NotAReport("it is a link") from None
        reason = error.strerror if isinstance(error, OSError) else error
        raise NotAReport(f"{name} cannot be read as a folder ({reason})") from None
    try:
        yield place
    finally:
        os.close(place)


def _names(place: int, prefix: str = "") -> list[str]:
    with os.scandir(place) as entries:
        names = {entry.name: entry.is_symlink() for entry in entries}
    for name, link in sorted(names.items()):
        if link:
            raise NotAReport(f"{prefix + name!r} is a link")
    return sorted(names)


def _content(place: int, name: str, prefix: str = "") -> bytes:
    with os.fdopen(_plain_file(place, name, prefix), "rb") as file:
        return file.read()


def _plain_file(place: int, name: str, prefix: str = "") -> int:
    try:
        # A pipe is opened without waiting for its other end.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except FileNotFoundError:
        raise NotAReport(f"it has no {prefix}{name}") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotAReport(f"{prefix + name!r} is a link") from None
        raise NotAReport(f"{prefix + name!r} cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAReport(f"{prefix + name!r} is not a file")
    return descriptor


def _about(place: int) -> dict[str, Any]:
    os.close(_plain_file(place, "report.html"))
    try:
        about = json.loads(_content(place, "report.json").decode())
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise NotAReport("report.json holds no JSON object")
    if about.get("format") != FORMAT:
        raise NotAReport(
            f"report.json has format {shortened(about.get('format'))}, expected {FORMAT}: "
            "it was compiled by another version"
        )
    for key, (right, expected) in {**_FIELDS, **_LATER_FIELDS}.items():
        if key not in about:
            if key in _LATER_FIELDS:
                continue
            raise NotAReport(f"report.json lacks {key!r}")
        if not right(about[key]):
            raise NotAReport(f"{key!r} in report.json is {shortened(about[key])}, expected {expected}")
    return about


def _is_text(value: object) -> bool:
    # JSON can spell halves of a character, which no file can hold.
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(_is_text(k) and type(n) is int for k, n in value.items())


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _are_rows(
    later: Mapping[str, Callable[[object], bool]] | None = None, **columns: Callable[[object], bool]
) -> Callable[[object], bool]:
    """Whether a value is rows with these columns; those of `later` may be missing."""

    def right(value: object) -> bool:
        return isinstance(value, list) and all(
            isinstance(row, dict)
            and all(name in row and column(row[name]) for name, column in columns.items())
            and all(column(row[name]) for name, column in (later or {}).items() if name in row)
            for row in value
        )

    return right


def _is_curve(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    # Its figure becomes a part of an address.
    return not value or (
        _is_text(value.get("title")) and re.fullmatch("[a-z0-9-]+", str(value.get("figure"))) is not None
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TEXT, _TEXTS = (_is_text, "text"), (_are_texts, "a list of texts")
_FIELDS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "id": (
        _is_id,
        "the name of a folder: 4 to 64 lower-case letters, digits and hyphens, the first of them no hyphen",
    ),
    "title": _TEXT,
    "created": _TEXT,
    "headline": _TEXT,
    "cells": (_are_counts, "a count for each status"),
    "tasks": _TEXTS,
    "encodings": _TEXTS,
}

_LATER_FIELDS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "compared": _TEXT,
    "verdicts": (
        _are_rows({"tone": _is_text}, sign=_is_text, outcome=_is_text, claim=_is_text),
        "a list of verdicts",
    ),
    "curve": (_is_curve, "the name and the title of a figure"),
    "board": (
        _are_rows(
            {"at": _is_text, "settings": _is_text, "seeds": _is_number},
            **dict.fromkeys(("task", "scope", "label", "like"), _is_text),
            value=_is_number,
        ),
        "a list of values by task, scope and label",
    ),
}
"""What the index page shows of reports of this version; those of earlier ones lack it."""
