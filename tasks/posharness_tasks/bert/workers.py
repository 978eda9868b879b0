"""Distributes work on a long text over processes, in order, with only a few pieces in memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import chain, islice
from typing import TypeVar

__all__ = ["apart", "each", "spread"]

_MOST_PROCESSES = 4
"""More would wait for the one process that reads and writes."""
_BATCH = 1 << 21
"""Characters that a process is given at a time."""

T = TypeVar("T")
R = TypeVar("R")


def spread(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`map(function, items)`, in order, in several processes if there is more than one item.

    At most twice as many items as processes are in progress, so a slow caller slows down the reading.

    Args:
        function: a function that can be pickled, as must its arguments and results.
    """
    rest = iter(items)
    first = list(islice(rest, 2))
    processes = _processes() if len(first) > 1 else 1
    if processes == 1:
        yield from map(function, chain(first, rest))
        return
    waiting: deque[Future[R]] = deque()
    with _pool(processes) as pool:
        for item in chain(first, rest):
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def apart(function: Callable[[T], R], item: T) -> R:
    """`function(item)` in a process of its own, whose memory is released afterwards."""
    if _processes() == 1:
        return function(item)
    with _pool(1) as pool:
        return pool.submit(function, item).result()


def _pool(processes: int) -> ProcessPoolExecutor:
    # Forked, as by `datasets`: a process that is started anew would run the user's main script again.
    # An interrupt is the first process's affair.
    ignore = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), initializer=ignore)


def each(function: Callable[[str], R], texts: Iterable[str]) -> Iterator[R]:
    """`map(function, texts)`, in order, in several processes if the texts are long."""
    for results in spread(partial(_all, function), _batches(texts)):
        yield from results


def _all(function: Callable[[str], R], texts: Sequence[str]) -> list[R]:
    return [function(text) for text in texts]


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _processes() -> int:
    if sys.platform != "linux" or multiprocessing.current_process().daemon:  # a daemon may start no process
        return 1
    return min(_MOST_PROCESSES, len(os.sched_getaffinity(0)))
