"""Folders and files that appear whole or not at all: written aside, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["replace_file", "replace_folder"]


def replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` hold exactly these files, given by their path within it.

    Raises:
        OSError: it cannot be written; then what was there before is still there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as aside:
        fresh = Path(aside) / "fresh"
        for name, content in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if folder.exists():
            old = Path(aside) / "old"
            folder.rename(old)
            try:
                fresh.rename(folder)
            except OSError:
                old.rename(folder)
                raise
            shutil.rmtree(old)
        else:
            fresh.rename(folder)


def replace_file(path: Path, content: bytes) -> None:
    """Make a file hold this content; left alone when it already does.

    Raises:
        OSError: it cannot be written; then what was there before is still there.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as aside:
        fresh = Path(aside) / path.name
        fresh.write_bytes(content)
        os.replace(fresh, path)
