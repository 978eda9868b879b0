"""The local executor: it runs each cell in a process of its own on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from posharness.contracts import Executor, hookimpl
from posharness.executors.local import LocalExecutor, LocalRunner

__all__ = ["LocalExecutor", "LocalRunner", "posharness_executors"]


@hookimpl
def posharness_executors() -> Sequence[type[Executor]]:
    """The executors that come with the harness."""
    return [LocalExecutor]
