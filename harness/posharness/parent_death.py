"""Lets no process of a cell outlive the harness: signals that the system sends when a parent ends.

The harness starts the fork server, and the fork server starts the cells. A cell sees by its lifeline that the
harness has ended, and writes its checkpoint; one that is stopped, or whose code never lets Python run, is
ended by the server. When the server itself ends, the system ends its cells.

Only Linux sends such signals. Elsewhere the lifeline alone ends a cell.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

__all__ = ["GRACE", "children", "end_group", "end_with_parent", "outlive_parent_shortly"]

GRACE = 8.0
"""Seconds that a cell has to write its checkpoint before its process is ended."""

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Let the system end this process when its parent ends."""
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    _signal_at_death_of_parent(signal.SIGKILL)


def outlive_parent_shortly() -> None:
    """Give the children of this process some seconds after the death of its parent, then end them and it."""
    server = os.getpid()

    def begin(number: int, frame: FrameType | None) -> None:
        if os.getpid() == server:  # a child has the handler until it sets its own
            signal.signal(signal.SIGALRM, end)
            signal.alarm(int(GRACE) + 2)

    def end(number: int, frame: FrameType | None) -> None:
        for child in children():
            end_group(child)
        os._exit(1)

    signal.signal(signal.SIGUSR1, begin)
    _signal_at_death_of_parent(signal.SIGUSR1)


def end_group(leader: int) -> None:
    """Kill a process with its group: what it has started is in it unless that left of its own accord."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.kill(leader, signal.SIGKILL)


def children() -> set[int]:
    """The numbers of the processes that this one has started and not waited for; empty where not known."""
    found: set[int] = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError, ValueError):
            found.update(map(int, listed.read_text().split()))
    return found


def _signal_at_death_of_parent(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number))
