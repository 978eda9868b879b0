"""Files and folders that appear whole or not at all: written under another name, then renamed."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posharness.contracts.strict_json import parse_json, strict_json

__all__ = [
    "UNFINISHED",
    "exchange",
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
"""The suffix of unfinished files and folders; their names begin with a dot and the final name."""


@contextmanager
def new_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield the path of a file beside `path`; when the block ends without an exception, it replaces `path`.

    It gets the permissions of a new file under the umask, even if a library wrote it with others.

    Args:
        durable: wait until the file is on the disk, so that it survives a power failure.

    Raises:
        OSError: the file cannot be written; `path` keeps its earlier content.
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

    The folder and its files get the permissions of new ones under the umask, even if a library wrote them
    with others.

    Args:
        replace: replace an existing folder. If False, an existing folder that is not empty is an error.

    Raises:
        OSError: the folder cannot be written; an earlier one is kept.
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
    """Write JSON in one step; see `strict_json` and `new_file`."""
    write_bytes(path, (strict_json(content, indent=1) + "\n").encode(), durable=durable)


def write_folder(folder: Path, files: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write a folder with exactly these files, given by relative path, in one step; see `new_folder`."""
    with new_folder(folder, replace=replace) as aside:
        for name, content in files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a JSON object; see `parse_json`.
    """
    content = parse_json(path.read_bytes())
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is not a JSON object.")
    return content


def exchange(first: Path, second: Path) -> None:
    """Swap two files or folders of one file system in one step, so that neither name is ever missing.

    Raises:
        OSError: they cannot be swapped. The error number is ENOSYS, EINVAL or ENOTSUP where the system or the
            file system has no such step.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    old, new, swap = os.fsencode(first), os.fsencode(second), 2
    if hasattr(libc, "renameat2"):  # Linux
        failed = libc.renameat2(_WORKING_FOLDER, old, _WORKING_FOLDER, new, swap)
    elif hasattr(libc, "renamex_np"):  # macOS
        failed = libc.renamex_np(old, new, swap)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(first), None, str(second))


def sync(path: Path) -> None:
    """Wait until a file, or the list of files of a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync` for a folder and every file in it. A pipe is left alone: opening it would wait for a writer."""
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if path.is_file():
                sync(path)
        sync(Path(parent))


_WORKING_FOLDER = -100
"""AT_FDCWD of Linux: a relative path starts in the working folder."""


def _aside(path: Path) -> Path:
    # The number of the process keeps two processes that write the same file apart.
    return path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")


def _permit(folder: Path) -> None:
    """Give every file in a folder the permissions of a new one: some libraries write for the owner only."""
    probe = folder / f".probe{UNFINISHED}"
    probe.touch()
    permissions = probe.stat().st_mode
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(path.stat().st_mode | permissions)


def _swap(new: Path, folder: Path) -> None:
    """Replace a folder. Where the file system cannot do so in one step, it is missing for a moment."""
    try:
        exchange(new, folder)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise
    else:
        shutil.rmtree(new)
        return
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old{UNFINISHED}")
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)
