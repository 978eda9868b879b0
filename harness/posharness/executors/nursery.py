"""A process that has imported single-file plugins, and from which the processes of their cells are forked."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess, ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from posharness.executors.worker import Job, work_on
from posharness.parent_death import end_group, end_with_parent
from posharness.registry.registry import Registry

__all__ = ["NursedProcess", "Nursery"]

_POLL = 0.1
"""Seconds between two looks at the processes of cells."""


class Nursery:
    """A process between the fork server and the cells of the same plugin files.

    When it ends, the system ends its cells.
    """

    def __init__(self, context: ForkServerContext, paths: Sequence[Path]) -> None:
        self._context = context
        # Both ways, because only such a pipe carries the ends of others.
        self._requests, theirs = context.Pipe(duplex=True)
        # No daemon: it starts processes.
        self._process = context.Process(target=_serve, args=(tuple(paths), theirs), name="posharness-nursery")
        self._process.start()
        theirs.close()

    def start(self, job: Job, lifeline: Connection, answer: Connection) -> NursedProcess:
        """Let it fork the process of a cell."""
        signs, sign = self._context.Pipe(duplex=False)
        with suppress(OSError):  # it has ended, which the cell's process then shows
            self._requests.send(job)
            for end in (lifeline, answer, sign):
                reduction.send_handle(self._requests, end.fileno(), self._process.pid)
        sign.close()
        return NursedProcess(signs, self._process)

    def ended(self) -> bool:
        """Whether it has ended of itself, or by another's hand."""
        return self._process.exitcode is not None

    def wake(self) -> None:
        """Let it go on if one of its cells has stopped it."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid or os.getpid(), signal.SIGCONT)

    def close(self) -> None:
        """End it, and whatever is left of its cells."""
        end_group(self._process.pid or 0)
        self._process.join()
        self._process.close()
        self._requests.close()


class NursedProcess:
    """The process of a cell that a nursery has forked, with the part of `multiprocessing.Process` in use.

    Attributes:
        sentinel: becomes readable when it has started and when it ends.
        exitcode: None while it runs; that of the nursery if this has ended.
    """

    def __init__(self, signs: Connection, nursery: BaseProcess) -> None:
        self.sentinel = signs
        self._nursery = nursery
        self._pids = [nursery.pid or 0]
        self._exitcode: int | None = None

    @property
    def pid(self) -> int:
        """Its number; that of the nursery until it has started."""
        self._receive(0)
        return self._pids[-1]

    @property
    def exitcode(self) -> int | None:
        self._receive(0)
        return self._exitcode

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, or for some seconds."""
        while self._exitcode is None and self._receive(timeout):
            pass

    def close(self) -> None:
        self.sentinel.close()

    def _receive(self, timeout: float | None) -> bool:
        """Receive its number, or the status with which it has ended; False if there is none yet."""
        if self._exitcode is not None or not self.sentinel.poll(timeout):
            return False
        try:
            number: int = self.sentinel.recv()
        except (EOFError, OSError):
            self._nursery.join(1)
            ended = self._nursery.exitcode
            self._exitcode = 255 if ended is None else ended
            return True
        if len(self._pids) == 1:
            self._pids.append(number)
        else:
            self._exitcode = number
        return True


def _serve(paths: tuple[Path, ...], requests: Connection) -> None:
    """Import the plugins, then fork a process for each request until there are no more."""
    os.setsid()
    end_with_parent()
    with suppress(Exception):  # the cell that needs the plugin says what is wrong with it
        Registry.load(paths)
    context = multiprocessing.get_context("fork")
    running: dict[ForkProcess, Connection] = {}
    open_ = True
    while open_ or running:
        sentinels: list[Connection | int] = [process.sentinel for process in running]
        # What a cell has started may hold its sentinel.
        ready = wait([requests, *sentinels] if open_ else sentinels, timeout=_POLL if running else None)
        for process in [process for process in running if process.exitcode is not None]:
            with running.pop(process) as sign, suppress(OSError):
                sign.send(process.exitcode)
            process.close()
        if requests in ready:
            try:
                job: Job = requests.recv()
                lifeline, answer, sign = (Connection(reduction.recv_handle(requests)) for _ in range(3))
            except (EOFError, OSError):
                open_ = False  # the harness has ended: the cells write their checkpoints
                continue
            process = context.Process(
                target=work_on, args=(job, lifeline, answer), name="posharness-cell", daemon=True
            )
            process.start()
            with suppress(OSError):
                sign.send(process.pid)
            lifeline.close()
            answer.close()
            running[process] = sign
