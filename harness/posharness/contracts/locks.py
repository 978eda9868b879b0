"""A lock between processes, which says what it waits for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from posharness.errors import HarnessWarning

__all__ = ["locked"]

_SILENCE = 3.0
"""Seconds that are waited without a word."""


@contextmanager
def locked(path: Path, doing: str, *, seconds: float | None = None) -> Iterator[None]:
    """Hold the lock of a file, which is created if it is missing and stays.

    Args:
        doing: what the process that holds it does, as in "waiting for another process, which is publishing".
        seconds: how long to wait; None for no limit.

    Raises:
        filelock.Timeout: another process has held it for so long.
        OSError: the file cannot be written.

    Warns:
        HarnessWarning: another process holds it; after three seconds.
    """
    lock = FileLock(path)
    quiet = _SILENCE if seconds is None else min(_SILENCE, seconds)
    try:
        lock.acquire(timeout=quiet)
    except Timeout:
        if quiet == seconds:
            raise
        warnings.warn(HarnessWarning(f"waiting for another process, which {doing}"), stacklevel=3)
        lock.acquire(timeout=-1 if seconds is None else seconds - quiet)
    try:
        yield
    finally:
        lock.release()
