"""A fork server that has imported everything a cell needs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.context import ForkServerContext, ForkServerProcess
from types import ModuleType
from typing import Any

__all__ = ["PRELOAD", "fork_server", "has_ended", "wake"]

PRELOAD = "posharness.executors.preload"
"""What every fork server of the harness imports before the first process."""

_FAREWELL = 2.0
"""Seconds that a server has to end once its processes have ended, unless something holds it."""

_ENVIRONMENT = {
    "PYTHONSAFEPATH": "1",  # else `python -c` imports modules of the working directory
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # it starts threads on import, and threads do not survive a fork
    "TOKENIZERS_PARALLELISM": "false",
    # glibc returns the pages of every large tensor; keeping them halves the time of 256 × 256 scores.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
}


class _Process(ForkServerProcess):
    """A process that does not run the program's main script again: no cell needs it.

    Attributes:
        started: the number of processes that this program has started.
    """

    started = 0

    def start(self) -> None:
        _Process.started += 1
        # So a script that calls `posharness.run` needs no `if __name__ == "__main__"`.
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            with _as_server():  # this starts another server if the first one was ended
                super().start()
        finally:
            sys.modules["__main__"] = main


class _Context(ForkServerContext):
    Process = _Process


@contextmanager
def fork_server(preload: str) -> Iterator[ForkServerContext]:
    """Run a fork server; afterwards, wait until its processes have ended and stop it.

    It imports `preload` while the caller goes on, so start it before work that does not need it. One that
    has started no process is stopped at once, in the middle of its imports.

    If the calling program already runs a server, that one is used and left running, without `preload`.

    Args:
        preload: the module that the server imports before the first process.
    """
    server: Any = forkserver._forkserver  # the class has no public way to stop one
    if server._forkserver_pid is not None:
        yield _Context()
        return
    before, started = server._preload_modules, _Process.started
    server.set_forkserver_preload([preload])
    try:
        with _as_server():
            server.ensure_running()
        yield _Context()
    finally:
        _stop(server, at_once=_Process.started == started)
        server.set_forkserver_preload(before)


def has_ended() -> bool:
    """Whether the running server was ended by someone else."""
    server: Any = forkserver._forkserver
    if server._forkserver_pid is None or not hasattr(os, "waitid"):  # macOS lacks it
        return False
    # It is left for the library to reap, which then starts another one.
    return os.waitid(os.P_PID, server._forkserver_pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def wake() -> None:
    """Let the running server go on if a process that it has started has stopped it."""
    server: Any = forkserver._forkserver
    if server._forkserver_pid is not None:
        with suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, signal.SIGCONT)


def _stop(server: Any, *, at_once: bool) -> None:
    """Stop a server whose processes have ended. What these have started may hold its pipe for ever."""
    pid = server._forkserver_pid
    if pid is None:
        return
    # As `_stop` of the standard library, which waits for ever.
    os.close(server._forkserver_alive_fd)
    end = time.monotonic() + (0 if at_once else _FAREWELL)
    with suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() >= end:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
    if not util.is_abstract_socket_namespace(server._forkserver_address):
        os.unlink(server._forkserver_address)
    server._forkserver_alive_fd = server._forkserver_pid = server._forkserver_address = None


@contextmanager
def _as_server() -> Iterator[None]:
    """The environment and the signals that a server starts with."""
    # Ctrl-C, the end of a terminal, and the warning and the end of a job of Slurm reach the server too, and
    # would kill it and its cells.
    blocked = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGTERM)
    with _environment(_ENVIRONMENT), _blocked(*blocked):
        resource_tracker.ensure_running()  # the server needs it, and its start unblocks two of them
        signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
        yield


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _blocked(*numbers: signal.Signals) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
