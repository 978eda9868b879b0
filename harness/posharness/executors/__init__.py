"""The executors: each cell in a process of its own, on this machine, a Ray cluster or a Slurm cluster.

The classes of the local one are imported when they are asked for, so that the fork server can start before
torch is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from posharness.contracts.hooks import hookimpl

if TYPE_CHECKING:
    from posharness.contracts import Executor
    from posharness.executors.local import LocalExecutor, LocalRunner

__all__ = ["LocalExecutor", "LocalRunner", "posharness_executors"]


@hookimpl
def posharness_executors() -> Sequence[type[Executor]]:
    """The executors that come with the harness."""
    from posharness.executors.local import LocalExecutor
    from posharness.executors.ray import RayExecutor
    from posharness.executors.slurm import SlurmExecutor

    return [LocalExecutor, RayExecutor, SlurmExecutor]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from posharness.executors import local

    return getattr(local, name)
