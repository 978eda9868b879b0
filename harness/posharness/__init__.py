"""Measure which way of telling a transformer about position carries information how far.

import posharness

results = posharness.run(plugins=["rpe", "absolute"], preset="smoke")
results.predictions  # one row for each scored prediction
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posharness.api import (
        Results,
        RunSummary,
        compile_report,
        evaluate,
        execute,
        load,
        publish_report,
        run,
    )
    from posharness.contracts import Frames, UserError, hookimpl
    from posharness.experiment import Experiment, load_experiment

_HOMES = {
    "Experiment": "posharness.experiment",
    "Frames": "posharness.contracts",
    "Results": "posharness.api",
    "RunSummary": "posharness.api",
    "UserError": "posharness.errors",
    "compile_report": "posharness.api",
    "evaluate": "posharness.api",
    "execute": "posharness.api",
    "hookimpl": "posharness.contracts.hooks",
    "load": "posharness.api",
    "load_experiment": "posharness.experiment",
    "publish_report": "posharness.api",
    "run": "posharness.api",
}

__all__ = [
    "Experiment",
    "Frames",
    "Results",
    "RunSummary",
    "UserError",
    "compile_report",
    "evaluate",
    "execute",
    "hookimpl",
    "load",
    "load_experiment",
    "publish_report",
    "run",
]


def __getattr__(name: str) -> Any:
    # Lazy, so that `harness --help` answers before torch could be imported.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
