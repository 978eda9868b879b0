"""The line between a cell's process and the harness: it tells that the cell lives, and stops it when cut."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from types import FrameType, TracebackType

from posharness.store import CellWorkspace

__all__ = ["GRACE", "Lifeline"]

GRACE = 8.0
"""Seconds that a cell has for its checkpoint once the line is cut; then its process is ended."""

_BEAT = 1.0


class Lifeline:
    """While it is held, the cell shows life every second, and SIGTERM raises KeyboardInterrupt once.

    The harness holds the other end of a pipe through which nothing is ever sent. When it closes that
    end, or dies in whatever way, the cell's process sends itself SIGTERM; it never outlives the
    harness by more than `GRACE` seconds.
    """

    def __init__(self, pipe: Connection, work: CellWorkspace) -> None:
        self._pipe = pipe
        self._work = work
        self._thread = threading.Thread(target=self._watch, name="lifeline", daemon=True)

    def __enter__(self) -> Lifeline:
        signal.signal(signal.SIGTERM, _interrupt)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # From here the cell's files are put away, which is not to be cut short.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _watch(self) -> None:
        while not self._pipe.poll(_BEAT):
            self._work.beat()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
