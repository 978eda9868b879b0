"""Executors: what carries cells to where they are trained."""

from __future__ import annotations

from collections.abc import Sequence

from posharness.contracts import Executor, hookimpl
from posharness.executors.local import LocalExecutor

__all__ = ["LocalExecutor", "posharness_executors"]


@hookimpl
def posharness_executors() -> Sequence[type[Executor]]:
    """The executors that come with the harness."""
    return [LocalExecutor]
