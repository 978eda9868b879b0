"""A fork server that has loaded everything a cell needs, and leaves nothing behind."""

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
    "PYTHONSAFEPATH": "1",  # `python -c` would else import what lies in the working directory
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # it starts threads on import, and threads do not survive a fork
    "TOKENIZERS_PARALLELISM": "false",
    # glibc gives every large tensor fresh pages and takes them back: kept, scores of 256 × 256 cost half.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
}


class _Process(ForkServerProcess):
    """A process that does not run the program's main script again: a cell needs nothing from it."""

    def start(self) -> None:
        # A script that calls `posharness.run` needs no `if __name__ == "__main__"` in this way.
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
    """Run a fork server; on leaving, wait for its processes to end and stop it.

    A server that the calling program runs already is used and left running; it has not loaded `preload`.

    Args:
        preload: the module that the server imports before the first process.
    """
    server: Any = forkserver._forkserver  # the class has no public way to stop one
    if server._forkserver_pid is not None:
        yield _Context()
        return
    before = server._preload_modules
    server.set_forkserver_preload([preload])
    try:
        # Ctrl-C reaches the server too, and it would die of it while it imports.
        with _environment(_ENVIRONMENT), _blocked(signal.SIGINT):
            server.ensure_running()
        yield _Context()
    finally:
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
def _blocked(number: signal.Signals) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
