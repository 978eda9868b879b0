"""The checksums of a cell's files: written when the cell ends, compared whenever it is judged."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posharness.contracts.atomic_files import write_bytes
from posharness.contracts.strict_json import parse_json, strict_json

__all__ = ["CHECKSUMS", "damage", "files_of", "read_checksums", "signature", "write_checksums"]

CHECKSUMS = "checksums.json"
"""`{"key": …, "files": {path: SHA-256}, "digest": …}`; the digest is that of the other two."""

_SHOWN = 3
"""How many differing files a reason names."""


def files_of(folder: Path) -> dict[str, os.stat_result]:
    """Every file of a cell's folder by its path within it, without hidden ones.

    Raises:
        OSError: the folder or a file in it cannot be examined.
    """
    found: dict[str, os.stat_result] = {}
    waiting = [(os.fspath(folder), "")]
    while waiting:
        path, within = waiting.pop()
        with os.scandir(path) as entries:
            for entry in entries:
                name = within + entry.name
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, f"{name}/"))
                else:
                    found[name] = _state(entry)
    return found


def write_checksums(folder: Path, key: str) -> None:
    """Write the checksums of all files of a cell's folder, bound to its key."""
    files = files_of(folder)
    files.pop(CHECKSUMS, None)  # that of an earlier attempt
    sums = {name: _sha256(folder / name, state) for name, state in files.items()}
    write_bytes(folder / CHECKSUMS, _content(key, sums))


def damage(folder: Path, key: str, files: Mapping[str, os.stat_result]) -> str:
    """How the files of a cell's folder differ from those that it ended with; "" when they do not.

    Args:
        key: of the cell that the folder should hold.
        files: as `files_of` gives them.

    Raises:
        OSError: a file cannot be read.
    """
    try:
        written = (folder / CHECKSUMS).read_bytes()
    except FileNotFoundError:
        return f"it lacks {CHECKSUMS}"
    held = _parsed(written)
    if held is None:
        return f"its {CHECKSUMS} is damaged"
    owner, sums = held
    if owner != key:
        return f"it holds the cell {owner[:12]}"
    lost = sorted(set(sums) - set(files))
    added = sorted(set(files) - set(sums) - {CHECKSUMS})
    changed = [
        name for name in sorted(set(sums) & set(files)) if _sha256(folder / name, files[name]) != sums[name]
    ]
    parts = (_said(lost, "is missing", "are missing"), _said(changed, "has changed", "have changed"))
    return ", ".join(filter(None, (*parts, _said(added, "was added", "were added"))))


def read_checksums(folder: Path, key: str) -> dict[str, str]:
    """The checksums of a cell's files, by path; empty where the folder has none of this cell."""
    try:
        held = _parsed((folder / CHECKSUMS).read_bytes())
    except OSError:
        return {}
    return held[1] if held and held[0] == key else {}


def signature(key: str, files: Mapping[str, os.stat_result]) -> str:
    """A digest of the names, sizes and times of a cell's files: equal as long as none was written to."""
    rows = [f"{each.st_size} {each.st_mtime_ns} {each.st_ctime_ns} {name!a}" for name, each in files.items()]
    return hashlib.sha256("\n".join([key, *sorted(rows)]).encode()).hexdigest()


def _state(entry: os.DirEntry[str]) -> os.stat_result:
    """The state of a file; that of the link itself where it leads nowhere."""
    try:
        return entry.stat()
    except OSError:
        return entry.stat(follow_symlinks=False)


def _content(key: str, sums: Mapping[str, str]) -> bytes:
    bound: dict[str, Any] = {"key": key, "files": dict(sorted(sums.items()))}
    digest = hashlib.sha256(strict_json(bound, indent=1).encode()).hexdigest()
    return (strict_json(bound | {"digest": digest}, indent=1) + "\n").encode()


def _parsed(written: bytes) -> tuple[str, dict[str, str]] | None:
    """The key and the checksums; None unless every byte is as `_content` wrote it."""
    try:
        held = parse_json(written)
        key, sums = held["key"], held["files"]
        return (key, sums) if _content(key, sums) == written else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _sha256(path: Path, state: os.stat_result) -> str:
    """The SHA-256 of a file; "" for what is no file, such as a pipe, which is never opened."""
    if not stat.S_ISREG(state.st_mode):
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _said(names: list[str], one: str, several: str) -> str:
    if not names:
        return ""
    shown = [name if name.isprintable() else ascii(name)[1:-1] for name in names[:_SHOWN]]
    more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return f"{', '.join(shown + more)} {one if len(names) == 1 else several}"
