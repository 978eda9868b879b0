"""Files and folders that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = [
    "UNFINISHED",
    "new_file",
    "new_folder",
    "read_json",
    "sync",
    "sync_tree",
    "write_bytes",
    "write_folder",
    "write_json",
]

UNFINISHED = ".unfinished"
"""The ending of unfinished files and folders, whose names begin with a dot and the finished name."""


@contextmanager
def new_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield the path of a file beside `path`; when the block ends without an exception, it replaces `path`.

    Its permissions are those that the umask gives to a new file, whoever writes it.

    Args:
        durable: wait until the file is on the disk, for what must survive a power failure.

    Raises:
        OSError: the file cannot be written; then the earlier content of `path` is still there.
    """
    aside = _aside(path)
    aside.unlink(missing_ok=True)
    aside.touch()
    permissions = aside.stat().st_mode
    try:
        yield aside
        aside.chmod(permissions)
        if durable:
            sync(aside)
        aside.replace(path)
        if durable:
            sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def new_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; when the block ends without an exception, it takes its place.

    The permissions of the folder and of all in it are those that the umask gives, whoever writes them.

    Args:
        replace: replace a folder that exists; else it is an error, unless the folder is empty.

    Raises:
        OSError: the folder cannot be written; then an earlier one is still there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(folder)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        _permit(aside)
        if replace and folder.exists():
            _swap(aside, folder)
        else:
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace the content of a file in one step; see `new_file`."""
    with new_file(path, durable=durable) as aside:
        aside.write_bytes(content)


def write_json(path: Path, content: Mapping[str, Any], *, durable: bool = False) -> None:
    """Write strict JSON in one step: a number that is not finite becomes null; see `new_file`."""
    text = json.dumps(_finite(content), ensure_ascii=False, indent=1, allow_nan=False)
    write_bytes(path, (text + "\n").encode(), durable=durable)


def write_folder(folder: Path, files: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write a folder of exactly these files, by their path in it, in one step; see `new_folder`."""
    with new_folder(folder, replace=replace) as aside:
        for name, content in files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no JSON object.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return content


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync` for a folder and everything in it."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))


def _aside(path: Path) -> Path:
    # With the process's number, so that two processes that write the same file do not meet.
    return path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")


def _permit(folder: Path) -> None:
    """Give every file in a folder the permissions of a new one: some libraries write for the owner alone."""
    probe = folder / f".probe{UNFINISHED}"
    probe.touch()
    permissions = probe.stat().st_mode
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(path.stat().st_mode | permissions)


def _swap(new: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old{UNFINISHED}")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
