"""Leaves the process as it was, whatever the import or the constructor of a plugin changes of it."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import torch

__all__ = ["imports_unchanged", "unchanged"]


@contextmanager
def imports_unchanged() -> Iterator[None]:
    """Afterwards each module that was imported is there, and each folder that modules are imported from.

    What was added stays: a plugin may import more later.
    """
    path, modules = list(sys.path), dict(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path + [place for place in sys.path if place not in path]
        sys.modules.update(modules)


@contextmanager
def unchanged() -> Iterator[None]:
    """Afterwards all is as before: folder, environment, streams, signals, imports, what torch computes by."""
    environment = dict(os.environ)
    folder = os.open(".", os.O_RDONLY)  # it may have no path any more
    here = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()} if here else {}
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - it is kept
    dtype, device, threads = torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads()
    grad, strict = torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()
    streams, standard = (sys.stdout, sys.stderr), _duplicates()
    try:
        with imports_unchanged():
            yield
    finally:
        sys.stdout, sys.stderr = streams
        for number, duplicate in standard.items():
            with suppress(OSError):  # it has closed everything
                os.dup2(duplicate, number, inheritable=True)
                os.close(duplicate)
        os.fchdir(folder)
        os.close(folder)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                with suppress(OSError):  # SIGKILL
                    signal.signal(number, handler)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_grad_enabled(grad)
        torch.use_deterministic_algorithms(strict)


def _duplicates() -> dict[int, int]:
    """Another descriptor for each of the standard streams that are open."""
    found = {}
    for number in range(3):
        with suppress(OSError):
            found[number] = os.dup(number)
    return found
