"""How much the tests of faults try: a sample, or with POSHARNESS_FAULTS=full as much as is claimed."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from posharness.contracts import UserError

__all__ = ["amount", "attempt", "within_seconds"]

T = TypeVar("T")


def amount(full: int, sample: int) -> int:
    """`full` if the environment asks for it, else `sample`."""
    return full if os.environ.get("POSHARNESS_FAULTS") == "full" else sample


@contextmanager
def within_seconds(seconds: float, what: object) -> Iterator[None]:
    """Let a block fail that takes longer.

    Raises:
        AssertionError: it did; the message names `what`.
    """

    def ring(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{what}: longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attempt(
    number: int, work: Callable[..., T], *arguments: Any, seconds: float = 10
) -> tuple[str, T | None]:
    """The message with which `work` refuses its arguments, or "" and what it returns.

    Raises:
        AssertionError: it raised something else, or took longer; the message begins with `number`.
    """
    try:
        with within_seconds(seconds, number), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return "", work(*arguments)
    except UserError as error:
        return str(error), None
    except Exception as error:
        raise AssertionError(f"{number}: {type(error).__name__}: {str(error)[:300]}") from error
