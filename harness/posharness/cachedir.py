"""Where prepared corpora and vocabularies live between runs."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_root"]


def cache_root() -> Path:
    """`POSHARNESS_CACHE`, else `posharness` in the user's cache folder (XDG)."""
    if named := os.environ.get("POSHARNESS_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posharness"
