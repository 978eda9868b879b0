"""Measure how far a transformer carries information, with each way of encoding position.

import posharness

results = posharness.run(plugins=["rpe", "absolute"], preset="smoke")
results.predictions  # one row for each scored prediction
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posharness.api import evaluate, execute, run
    from posharness.contracts import Frames, UserError, hookimpl
    from posharness.execution import RunSummary
    from posharness.experiment import Experiment, load_experiment
    from posharness.reports import compare_reports, compile_report, publish_report, verify_report
    from posharness.results import Results, load

_MODULES = {
    "Experiment": "posharness.experiment",
    "Frames": "posharness.contracts",
    "Results": "posharness.results",
    "RunSummary": "posharness.execution",
    "UserError": "posharness.errors",
    "compare_reports": "posharness.reports",
    "compile_report": "posharness.reports",
    "evaluate": "posharness.api",
    "execute": "posharness.api",
    "hookimpl": "posharness.contracts.hooks",
    "load": "posharness.results",
    "load_experiment": "posharness.experiment",
    "publish_report": "posharness.reports",
    "run": "posharness.api",
    "verify_report": "posharness.reports",
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
