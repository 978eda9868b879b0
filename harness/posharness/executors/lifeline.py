"""The pipe between the harness and the process of a cell: the process stops when it is closed."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from types import FrameType, TracebackType

from posharness.errors import CellStopped
from posharness.parent_death import GRACE
from posharness.store import CellWorkspace

__all__ = ["Lifeline"]

_BEAT = 1.0


class Lifeline:
    """Within it, the cell shows every second that it is alive, and SIGTERM raises CellStopped once.

    The harness holds the other end of a pipe and never sends anything. When it closes that end, or dies
    for any reason, the process of the cell sends itself SIGTERM; it ends at most `GRACE` seconds after
    the harness.
    """

    def __init__(self, pipe: Connection, work: CellWorkspace) -> None:
        self._pipe = pipe
        self._work = work
        self._thread = threading.Thread(target=self._watch, name="lifeline", daemon=True)

    def __enter__(self) -> Lifeline:
        signal.signal(signal.SIGTERM, _interrupt)
        # The server starts cells with it blocked; one that came meanwhile is raised now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # From here on the cell's files move into the store, which must not be interrupted.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _watch(self) -> None:
        while not self._pipe.poll(_BEAT):
            self._work.beat()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise CellStopped
