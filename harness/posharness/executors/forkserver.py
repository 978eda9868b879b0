"""A fork server that has imported everything a cell needs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from types import ModuleType
from typing import Any

__all__ = ["PRELOAD", "fork_server"]

PRELOAD = "posharness.executors.preload"
"""What every fork server of the harness imports before the first process."""

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
        # Ctrl-C and the end of a terminal reach the server too, and would kill it and its cells.
        with _environment(_ENVIRONMENT), _blocked(signal.SIGINT, signal.SIGHUP):
            server.ensure_running()
        yield _Context()
    finally:
        if _Process.started == started and server._forkserver_pid is not None:
            os.kill(server._forkserver_pid, signal.SIGKILL)
        server._stop()
        server.set_forkserver_preload(before)


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
