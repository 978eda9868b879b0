"""Temporary folders that do not pile up: what a killed process left goes when the next one is made."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["temporary_folder"]

_LOCK, _CONTENT = "lock", "content"
"""A folder's lock is held as long as its process lives; what the process writes is beside it."""

_YOUNG = 60.0
"""Seconds for which a folder is left alone: it may not be locked yet."""


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """An empty folder in that of the system, removed when the block ends.

    Folders for the same purpose whose processes were killed more than a minute ago are removed first.

    Args:
        purpose: a word, part of the folder's name.

    Raises:
        OSError: it cannot be made.
    """
    prefix = f"posharness-{purpose}-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        # That of another user, or one that another process removes at the same time.
        with suppress(OSError, Timeout):
            _remove_if_abandoned(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    with FileLock(folder / _LOCK):
        content = folder / _CONTENT
        content.mkdir()
        try:
            yield content
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_abandoned(folder: Path) -> None:
    if folder.is_symlink() or time.time() - folder.stat().st_mtime < _YOUNG:
        return
    if (folder / _LOCK).exists():
        with FileLock(folder / _LOCK, timeout=0):
            shutil.rmtree(folder / _CONTENT, ignore_errors=True)
            (folder / _LOCK).unlink()
    folder.rmdir()
