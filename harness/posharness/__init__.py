"""Measure how far a transformer carries information, with each way of encoding position.

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
        compare_reports,
        compile_report,
        evaluate,
        execute,
        load,
        publish_report,
        run,
        verify_report,
    )
    from posharness.contracts import Frames, UserError, hookimpl
    from posharness.experiment import Experiment, load_experiment

_MODULES = {
    "Experiment": "posharness.experiment",
    "Frames": "posharness.contracts",
    "Results": "posharness.api",
    "RunSummary": "posharness.api",
    "UserError": "posharness.errors",
    "compare_reports": "posharness.api",
    "compile_report": "posharness.api",
    "evaluate": "posharness.api",
    "execute": "posharness.api",
    "hookimpl": "posharness.contracts.hooks",
    "load": "posharness.api",
    "load_experiment": "posharness.experiment",
    "publish_report": "posharness.api",
    "run": "posharness.api",
    "verify_report": "posharness.api",
}

__all__ = [
    "Experiment",
    "Frames",
    "Results",
    "RunSummary",
    "UserError",
    "compare_reports",
    "compile_report",
    "evaluate",
    "execute",
    "hookimpl",
    "load",
    "load_experiment",
    "publish_report",
    "run",
    "verify_report",
]


def __getattr__(name: str) -> Any:
    # Lazy, so that `harness --help` does not wait for the import of torch.
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
