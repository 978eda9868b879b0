"""Cache folders that are made once, completely or not at all, by one process at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from posharness.contracts import UserError
from posharness.contracts.atomic_files import UNFINISHED, new_folder

__all__ = ["cached_folder"]


def cached_folder(parent: Path, key: str, make: Callable[[Path], None]) -> Path:
    """The folder `parent/key`; `make` fills it if it does not exist yet.

    It is filled under another name and renamed when it is complete; if `make` raises, nothing is left.
    Processes that want the same folder wait for the first.

    Raises:
        UserError: the cache is not writable.
    """
    folder = parent / key
    if folder.is_dir():
        return folder
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with FileLock(parent / f".{key}.lock"):
            if not folder.is_dir():
                for left in parent.glob(f".{key}.*{UNFINISHED}"):  # by a process that was killed
                    shutil.rmtree(left, ignore_errors=True)
                with new_folder(folder) as aside:
                    make(aside)
    except OSError as error:
        raise UserError(
            f"the corpus cannot be prepared in the cache folder {str(parent)!r}: {error.strerror or error}; "
            "make it writable, or choose another cache folder."
        ) from error
    return folder
