"""Starts the other processes of a cell that several devices train, and ends them with it.

Each runs `python -m posharness.training.processes`, and reads from its input what it works on.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from posharness.contracts.cell import TrainerSettings
from posharness.training.nodes import nodes_of_job, on_node
from posharness.training.place import ALONE, Place

__all__ = ["placed"]

_PATIENCE = 30.0
"""Seconds for which the first process may go on without one that died: it may raise an error of its own."""


@contextmanager
def placed(trainer: TrainerSettings, work: Callable[..., None], *args: Any) -> Iterator[Place]:
    """Start the other processes of a cell; yield the place of this one, the first.

    When this process leaves, or dies for any reason, the others end. If one of them dies, this process does,
    at most 30 seconds later.

    Args:
        trainer: how many train the cell, on how many machines.
        work: called in each of the others, with its place and then `args`; all of it can be pickled.

    Raises:
        UserError: there are not as many machines.
    """
    if trainer.processes == 1:
        yield ALONE
        return
    nodes = nodes_of_job(trainer.num_nodes)
    address = "127.0.0.1" if trainer.num_nodes == 1 else socket.gethostname()
    first = Place(0, trainer.processes, trainer.num_nodes, address, _free_port())
    others = [
        _start(replace(first, rank=rank), on_node(nodes[rank // trainer.devices]), work, args)
        for rank in range(1, trainer.processes)
    ]
    over = threading.Event()
    threading.Thread(target=_watch, args=(others, over), name="ranks", daemon=True).start()
    try:
        yield first
    finally:
        over.set()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for other in others:
            assert other.stdin is not None
            other.stdin.close()
            other.wait()


def _start(
    place: Place, launcher: Sequence[str], work: Callable[..., None], args: tuple[Any, ...]
) -> subprocess.Popen[bytes]:
    command = [*launcher, sys.executable, "-P", "-m", "posharness.training.processes"]
    started = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert started.stdin is not None
    started.stdin.write(pickle.dumps((torch.get_num_threads(), work, place, args)))
    started.stdin.flush()  # and it stays open as long as this process lives
    return started


def _watch(others: Sequence[subprocess.Popen[bytes]], over: threading.Event) -> None:
    """Leave some time after another process has died: this one may wait for it for ever."""
    while not over.wait(1.0):
        if status := next((other.returncode for other in others if other.poll()), None):
            if not over.wait(_PATIENCE):
                sys.stderr.write(f"one of the processes that train the cell ended with status {status}\n")
                sys.stderr.flush()
                os._exit(1)
            return


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        port: int = found.getsockname()[1]
        return port


def _main() -> None:
    """One of the other processes: it leaves all signals to the first one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):  # Slurm sends them to all
        signal.signal(number, signal.SIG_IGN)
    threads, work, place, args = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_leave_at_the_end_of_input, name="lifeline", daemon=True).start()
    torch.set_num_threads(threads)
    work(place, *args)


def _leave_at_the_end_of_input() -> None:
    # Not sys.stdin: a process that is forked from this one would wait for its lock for ever.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    _main()
