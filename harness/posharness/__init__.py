"""Measure which way of telling a transformer about position carries information how far.

import posharness

results = posharness.run(plugins=["rpe", "absolute"], preset="smoke")
results.predictions.groupby(["label", "dependency_length"])["correct"].mean()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posharness.api import Results, load, run
    from posharness.contracts.hooks import hookimpl

__all__ = ["Results", "hookimpl", "load", "run"]

_HOMES = {
    "Results": "posharness.api",
    "hookimpl": "posharness.contracts.hooks",
    "load": "posharness.api",
    "run": "posharness.api",
}


def __getattr__(name: str) -> Any:
    # Lazy, so that `harness --help` answers before torch could be imported.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
