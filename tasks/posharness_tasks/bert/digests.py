"""SHA-256 of files and of modules of this package."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["digest_files", "digest_modules"]

_CHUNK = 1 << 20
"""Bytes read at a time."""
_PACKAGE = Path(__file__).parents[1]


def digest_files(paths: Iterable[Path]) -> str:
    """SHA-256 of the contents of files, in order; their names do not matter."""
    digest = hashlib.sha256()
    for path in paths:
        content = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                content.update(chunk)
        digest.update(content.digest())
    return digest.hexdigest()


def digest_modules(*names: str) -> str:
    """SHA-256 of modules of `posharness_tasks`, so that what older code prepared is not reused.

    Args:
        names: paths from the package's folder, without ".py": "bert/encoded".
    """
    return digest_files(_PACKAGE / f"{name}.py" for name in names)
