"""Ends a process before one of its file operations, as a power failure or a kill would."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["ended_before"]

_WRITES = (
    *("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.utime", "os.chmod"),
    "shutil.rmtree",
)
_FAULT = 77


def ended_before(number: int, work: Callable[[], object]) -> bool:
    """Run `work` in a forked process that ends before its file operation of that number.

    Opening a file to write, and each operation that changes a folder, counts.

    Returns:
        Whether there were so many; False if the work was done before.

    Raises:
        AssertionError: the work failed in another way.
    """
    child = os.fork()
    if child == 0:
        left = number

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes or event in _WRITES:
                if left == 0:
                    os._exit(_FAULT)
                left -= 1

        status = 1
        try:
            sys.addaudithook(count)
            work()
            status = 0
        finally:
            os._exit(status)
    _, state = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(state)
    assert ended in (0, _FAULT), ended
    return ended == _FAULT
