"""The clock of a folder's file system, by which the files of all machines that share it are dated."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["FolderClock"]

_FRESH = 60.0
"""Seconds after which the difference to this machine's clock is measured again."""


class FolderClock:
    """The time at which a file would be dated that is written now.

    Clocks of machines differ. The times of files in a shared folder are those of one of them, its server.
    """

    def __init__(self, folder: Path) -> None:
        self._probe = folder / ".clock"
        self._ahead = 0.0
        self._measured = -_FRESH

    def now(self) -> float:
        """Seconds since the epoch; by this machine's clock where the folder cannot be written to."""
        if time.monotonic() - self._measured >= _FRESH:
            self._measured = time.monotonic()
            self._ahead = self._difference()
        return time.time() + self._ahead

    def _difference(self) -> float:
        try:
            self._probe.touch()
            os.utime(self._probe)
            return self._probe.stat().st_mtime - time.time()
        except OSError:
            return 0.0
