"""How a command ends when it is stopped by a signal: as after Ctrl-C, with its own exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from posharness.parent_death import children, end_group

__all__ = ["Stopped", "end_soon", "exit_status", "stopped_by_signals"]

_FAREWELL = 5.0
"""Seconds that a process has to end once its command has."""

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """Raised where SIGTERM or SIGHUP arrived.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within it, SIGTERM and the end of the terminal raise `Stopped`. One that was ignored stays ignored.

    Python handles signals in the main thread only; in another one nothing changes.
    """
    here = threading.current_thread() is threading.main_thread()
    caught = [number for number in _SIGNALS if here and signal.getsignal(number) == signal.SIG_DFL]
    for number in caught:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def exit_status(error: KeyboardInterrupt) -> int:
    """128 and the number of the signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)


def end_soon(status: int) -> None:
    """Let this process end with a status, some seconds later at most.

    Python waits without a limit for threads that a plugin has started, and for what it does at the exit. The
    processes that this one has started end at once.
    """

    def end() -> None:
        time.sleep(_FAREWELL)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the reader is gone, or a plugin has closed it
                stream.flush()
        _end_children()
        os._exit(status)

    _end_children()
    threading.Thread(target=end, name="farewell", daemon=True).start()


def _end_children() -> None:
    """End what is left of the processes that this one has started: they hold its output.

    One is the resource tracker of `multiprocessing`, which goes on as long as what a cell has started.
    """
    for child in children():
        with suppress(ProcessLookupError):
            if os.getsid(child) == os.getsid(0):  # a browser that was opened has a session of its own
                end_group(child)


def _stop(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        _leave_terminal()
    raise Stopped(number)


def _leave_terminal() -> None:
    """Write nowhere from now on: each write to a terminal that is gone would be an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None and stream.isatty():
            os.dup2(nowhere, stream.fileno())
