"""Looking after a store: every cell compared with its checksums, and what is of no use removed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from posharness.contracts.atomic_files import UNFINISHED
from posharness.contracts.versions import Versioned, superseded
from posharness.store.layout import ASIDE, CELLS, CHECKED, CHECKPOINT, REPORTS, STORE, WORK, is_key
from posharness.store.records import problems_of_records
from posharness.store.store import Store
from posharness.store.workspace import Busy

__all__ = ["Problem", "Sort", "check_store", "unneeded"]

Sort = Literal["leftovers", "failed", "superseded", "orphaned", "aside"]
"""What can be removed: files that no cell needs, cells that are not done, cells of earlier code, readings of
models that the store does not hold, and cells that were set aside."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell that is not as it should be.

    Attributes:
        cell: its key, or the name of the file or folder that is no cell.
    """

    cell: str
    problem: str


_ABANDONED = 3600.0
"""Seconds after which nobody writes to an unfinished folder any more."""


def check_store(store: Store) -> Iterator[Problem]:
    """Read every file of every ended cell, and the records; name what is damaged or of no use."""
    folder = store.path / CELLS
    for name in sorted(os.listdir(folder) if folder.is_dir() else ()):
        if not is_key(name):
            if not name.startswith("."):
                yield Problem(name, f"it is in {CELLS}/ and is no cell")
            continue
        try:
            found = store.damage(name, remember=False)
        except OSError as error:
            yield Problem(name, f"it cannot be read ({error.strerror or error})")
            continue
        status = store.ended(name)
        if found:
            yield Problem(name, f"its folder is damaged: {found}")
        elif status is None or status.reason.startswith("its folder "):
            yield Problem(name, status.reason if status else "it was taken away")
    for name, problem in problems_of_records(store.path):
        yield Problem(name, problem)
    for name in sorted(os.listdir(store.path)):
        if name == f".{STORE}" or name.endswith(UNFINISHED):
            yield Problem(name, "it was left by a process that was killed; `harness store gc` removes it")


def unneeded(store: Store, sorts: Collection[Sort]) -> Iterator[tuple[Sort, Path]]:
    """The files and folders of some sorts; nothing that a running cell uses, and no checkpoint to resume."""
    keys = store.keys()
    if "leftovers" in sorts:
        yield from (("leftovers", path) for path in _leftovers(store, set(keys)))
    if "aside" in sorts and (store.path / ASIDE).is_dir():
        yield from (("aside", path) for path in sorted((store.path / ASIDE).iterdir()))
    states = {key: state for key in keys if (state := store.status(key)) and state.status != "running"}
    failed = {key for key, state in states.items() if state.status not in ("done", "interrupted")}
    if "failed" in sorts:
        yield from (("failed", store.home(key)) for key in sorted(failed) if not store.busy(key))
    done = [key for key, state in states.items() if state.status == "done"]
    if "superseded" in sorts:
        old = superseded(Versioned.of(store.cell(key), states[key].started) for key in done)
        yield from (("superseded", store.home(key)) for key in sorted(old))
    if "orphaned" in sorts:
        for key in sorted(done):
            cell = store.cell(key)
            if cell.pretrained and not cell.where and cell.pretrained not in keys:
                yield "orphaned", store.home(key)


def remove(path: Path) -> None:
    """Remove a file or a folder; what is gone already is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _leftovers(store: Store, keys: set[str]) -> Iterator[Path]:
    yield from store.path.glob(f".*{UNFINISHED}")
    for name in (CELLS, REPORTS):
        for path in sorted((store.path / name).glob(f".*{UNFINISHED}")):
            if time.time() - path.stat().st_mtime > _ABANDONED:  # another process may be writing it
                yield path
    yield from (path for path in sorted((store.path / CHECKED).glob("*")) if path.name not in keys)
    for path in sorted((store.path / WORK).glob("*")):
        key = path.name.partition(".")[0]
        if not is_key(key) or _busy(store, key):
            continue
        if path.suffix == ".ckpt":
            useful = not store.done(key)
        elif path.suffix == ".lock":
            useful = key in keys  # another process may be about to take it
        else:
            useful = is_key(path.name) and (path / CHECKPOINT).exists() and not store.done(key)
        if not useful:
            yield path


def _busy(store: Store, key: str) -> bool:
    try:
        return store.busy(key)
    except (Busy, OSError):
        return True
