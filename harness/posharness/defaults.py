"""What is used where nobody says otherwise: the store, the executor, the compiler, the workers, the cache."""

from __future__ import annotations

import os
from pathlib import Path

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
    """The number of cells that run at a time: one for each core."""
    return os.cpu_count() or 1


def cache_root() -> Path:
    """The folder of prepared corpora and vocabularies.

    `POSHARNESS_CACHE`, else `posharness` in the user's cache folder (XDG).
    """
    if named := os.environ.get("POSHARNESS_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posharness"
