"""The defaults: store, executor, compiler, preset, number of workers, and folder of the cache."""

from __future__ import annotations

import os
from pathlib import Path

from posharness.cores import usable_cores
from posharness.gpus import visible_gpus

__all__ = [
    "DEFAULT_COMPILER",
    "DEFAULT_EXECUTOR",
    "DEFAULT_PRESET",
    "DEFAULT_STORE",
    "cache_root",
    "default_workers",
]

DEFAULT_STORE = Path("runs")
DEFAULT_EXECUTOR = "local"
DEFAULT_COMPILER = "html"
DEFAULT_PRESET = "quick"


def default_workers() -> int:
    """The default number of cells that run at a time: one for each core, or each GPU if there are some."""
    return min(usable_cores(), len(visible_gpus()) or usable_cores())


def cache_root() -> Path:
    """The folder of prepared corpora and vocabularies.

    The environment variable `POSHARNESS_CACHE`, or else `posharness` in the user's cache folder (XDG).
    """
    if folder := os.environ.get("POSHARNESS_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posharness"
