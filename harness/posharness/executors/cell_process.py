"""The process of one cell as the harness sees it: whether it has ended, with what, and how it is ended."""

from __future__ import annotations

import os
import resource
import signal
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from posharness.contracts import CellOutcome
from posharness.executors.forkserver import has_ended, wake
from posharness.executors.nursery import NursedProcess, Nursery
from posharness.executors.worker import Answer, Job, work_on
from posharness.parent_death import GRACE, end_group

__all__ = ["CellProcess", "wait_for_any"]

_FAREWELL = 1.0
"""Seconds that a process has to end after its answer; nothing of value is left to be done then."""


class CellProcess:
    """A process of its own group, forked from the server or from a nursery.

    Its end is seen by the server, so that no process that it has started can hide it. Whatever is left of
    its group is killed then: no lock and no pipe stays open behind it.
    """

    def __init__(
        self,
        context: ForkServerContext,
        job: Job,
        lifeline: Connection,
        *,
        nursery: Nursery | None = None,
        timeout: float | None = None,
    ) -> None:
        """Start it.

        Args:
            nursery: what it is forked from; None for the server.
            timeout: seconds after which it is stopped.
        """
        self.gpus = job.gpus
        self._nursery = nursery
        self._wake_server()
        self._answers, answer = context.Pipe(duplex=False)
        self._process: BaseProcess | NursedProcess
        if nursery is not None:
            self._process = nursery.start(job, lifeline, answer)
        else:
            # A daemon: if the harness ends in a hurry, it does not wait for this process.
            self._process = context.Process(
                target=work_on, args=(job, lifeline, answer), name="posharness-cell", daemon=True
            )
            self._process.start()
        answer.close()
        now = time.monotonic()
        self._timeout = timeout
        self._stop_at = now + timeout if timeout is not None else None
        self._kill_at: float | None = None
        self._answer: Answer | None = None
        self._mute = False
        self._memory = 0

    def ended(self) -> bool:
        """Whether it has ended; one that is overdue is stopped, and killed if that does not help."""
        self._wake_server()
        now = time.monotonic()
        self._memory = max(self._memory, _memory(self._process.pid))
        if self._stop_at is not None and self._kill_at is None and now >= self._stop_at:
            self._kill_at = now + GRACE
            self._send(signal.SIGTERM)
        if self._kill_at is not None and now >= self._kill_at:
            self.kill()
        return self._receive() or self._process.exitcode is not None

    def kill(self) -> None:
        """End it and all that it has started."""
        if self._process.pid is not None:
            end_group(self._process.pid)

    def close(self) -> Answer:
        """The answer of a process that has ended, or its outcome where it gave none; frees what it used."""
        self._receive()
        self._process.join(_FAREWELL)
        self.kill()
        while self._process.exitcode is None:
            self._wake_server()
            self._process.join(_FAREWELL)
        code = self._process.exitcode
        self._process.close()
        self._answers.close()
        if self._kill_at is not None and (self._answer is None or self._answer.interrupted):
            return Answer(CellOutcome("timeout", f"took longer than {self._timeout:g} s"), stored=False)
        return self._answer or Answer(_outcome_of_dead_process(code or 0, self._memory), stored=False)

    def _wake_server(self) -> None:
        """Let those who start processes, and see their ends, go on if a cell has stopped them."""
        wake()
        if self._nursery is not None:
            self._nursery.wake()

    def _receive(self) -> bool:
        """Whether its answer is here."""
        try:
            if self._answer is None and not self._mute and self._answers.poll():
                self._answer = self._answers.recv()
        except (OSError, EOFError):
            self._mute = True  # its code has closed all files
        return self._answer is not None

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process.pid or 0, number)

    @property
    def signs(self) -> tuple[Any, ...]:
        """What becomes readable when it answers or ends."""
        return (self._process.sentinel,) if self._mute else (self._answers, self._process.sentinel)


def wait_for_any(processes: list[CellProcess], seconds: float) -> None:
    """Wait until one of the processes may have ended, or for some seconds."""
    wait([sign for process in processes for sign in process.signs], timeout=seconds)


def _memory(process: int | None) -> int:
    """The bytes of memory that a process holds; 0 where this is not known."""
    try:
        return resource.getpagesize() * int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _outcome_of_dead_process(code: int, memory: int) -> CellOutcome:
    if has_ended():
        return CellOutcome("crashed", "the server of the cells' processes was ended, and this one with it")
    if code >= 0:
        return CellOutcome("crashed", f"its process exited with status {code}")
    known = {number.value: number.name for number in signal.Signals}
    held = f" It held {memory / 1e9:.1f} GB" if memory else ""
    killed = f" (out of memory?{held})" if -code == signal.SIGKILL else ""
    return CellOutcome("crashed", f"its process was ended by {known.get(-code, f'signal {-code}')}{killed}")
