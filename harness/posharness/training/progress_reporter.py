"""Reporting the progress of a cell, no more often than a display needs."""

from __future__ import annotations

import time
from collections.abc import Callable

from posharness.contracts import Progress

__all__ = ["ProgressReporter"]

_BETWEEN = 0.25
"""The least number of seconds between two reports."""


class ProgressReporter:
    """Passes `Progress` to an observer.

    Attributes:
        score: the last validation score; None before the first.
        resumed: the number of steps that earlier attempts had made.
    """

    def __init__(self, key: str, steps: int, observe: Callable[[Progress], None]) -> None:
        self.score: float | None = None
        self.resumed = 0
        self._key = key
        self._steps = steps
        self._observe = observe
        self._loss: float | None = None
        self._reported = -_BETWEEN

    def training(self, step: int, loss: float) -> None:
        """Report the number of completed steps and the last loss."""
        self._loss = loss
        if self._due(last=step == self._steps):
            self._observe(Progress(self._key, "training", step, self._steps, loss, self.score, self.resumed))

    def evaluating(self, sequences: int, of: int) -> None:
        """Report the number of scored test sequences, out of all of them."""
        if self._due(last=sequences == of):
            self._observe(
                Progress(self._key, "evaluating", sequences, of, self._loss, self.score, self.resumed)
            )

    def _due(self, *, last: bool) -> bool:
        now = time.monotonic()
        if now - self._reported < _BETWEEN and not last:
            return False
        self._reported = now
        return True
