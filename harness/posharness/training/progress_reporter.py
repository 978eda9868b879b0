"""The news of how far a cell is, told no more often than a display can use."""

from __future__ import annotations

import time
from collections.abc import Callable

from posharness.contracts import Progress

__all__ = ["ProgressReporter"]

_BETWEEN = 0.25
"""Seconds that lie between two pieces of news at least."""


class ProgressReporter:
    """Hands `Progress` to an observer.

    Attributes:
        score: the last validation score; None before the first.
    """

    def __init__(self, key: str, steps: int, observe: Callable[[Progress], None]) -> None:
        self.score: float | None = None
        self._key = key
        self._steps = steps
        self._observe = observe
        self._loss: float | None = None
        self._told = -_BETWEEN

    def training(self, step: int, loss: float) -> None:
        """So many steps are made; the last one's loss."""
        self._loss = loss
        if self._due(last=step == self._steps):
            self._observe(Progress(self._key, "training", step, self._steps, loss, self.score))

    def evaluating(self, sequences: int, of: int) -> None:
        """So many test sequences are scored, which stand in the place of steps."""
        if self._due(last=sequences == of):
            self._observe(Progress(self._key, "evaluating", sequences, of, self._loss, self.score))

    def _due(self, *, last: bool) -> bool:
        now = time.monotonic()
        if now - self._told < _BETWEEN and not last:
            return False
        self._told = now
        return True
