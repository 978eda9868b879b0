"""Looking after a store: every cell compared with its checksums, and what is of no use removed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from posharness.contracts.atomic_files import UNFINISHED
from posharness.contracts.versions import Versioned, superseded
from posharness.store.layout import ASIDE, CELLS, CHECKED, CHECKPOINT, REPORTS, STORE, WORK, is_key
from posharness.store.records import problems_of_records
from posharness.store.store import Store
from posharness.store.workspace import Busy

__all__ = ["Problem", "Sort", "Unneeded", "check_store", "remove", "remove_unneeded", "unneeded"]

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
"""Seconds without a change after which nobody writes to an unfinished file or folder any more."""


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
        if name == f".{STORE}" or (name.endswith(UNFINISHED) and _old(store.path / name)):
            yield Problem(name, "it was left by a process that was killed; `harness store gc` removes it")


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A file or folder that can go.

    Attributes:
        key: of the cell that it belongs to; "" for none.
        still: whether it can go now: another process may have begun or made the cell since it was found.
    """

    sort: Sort
    path: Path
    key: str = ""
    still: Callable[[], bool] = lambda: True


def unneeded(store: Store, sorts: Collection[Sort]) -> Iterator[Unneeded]:
    """The files and folders of some sorts; nothing that a running cell uses, and no checkpoint to resume."""
    keys = store.keys()
    if "leftovers" in sorts:
        yield from _leftovers(store, set(keys))
    if "aside" in sorts and (store.path / ASIDE).is_dir():
        yield from (Unneeded("aside", path) for path in sorted((store.path / ASIDE).iterdir()))
    states = {key: state for key in keys if (state := store.status(key)) and state.status != "running"}

    def ended(sort: Sort, key: str) -> Unneeded:
        return Unneeded(sort, store.home(key), key, lambda: store.status(key) == states[key])

    failed = {key for key, state in states.items() if state.status not in ("done", "interrupted")}
    if "failed" in sorts:
        yield from (ended("failed", key) for key in sorted(failed) if not store.busy(key))
    done = [key for key, state in states.items() if state.status == "done"]
    if "superseded" in sorts:
        old = superseded(Versioned.of(store.cell(key), states[key].started) for key in done)
        yield from (ended("superseded", key) for key in sorted(old))
    if "orphaned" in sorts:
        for key in sorted(done):
            cell = store.cell(key)
            if cell.pretrained and not cell.where and cell.pretrained not in keys:
                yield ended("orphaned", key)


def remove_unneeded(store: Store, sorts: Collection[Sort]) -> list[Unneeded]:
    """Remove the files and folders of some sorts, each under the lock of its cell; return what is gone."""
    removed = {}
    for each in list(unneeded(store, sorts)):
        with suppress(Busy), store.replacing(each.key) if each.key else nullcontext():
            if each.still():
                remove(each.path)
                removed[each.path] = each
    return [*removed.values()]


def remove(path: Path) -> None:
    """Remove a file or a folder; what is gone already is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _leftovers(store: Store, keys: set[str]) -> Iterator[Unneeded]:
    for folder in (store.path, store.path / CELLS, store.path / REPORTS):
        yield from (
            Unneeded("leftovers", path) for path in sorted(folder.glob(f".*{UNFINISHED}")) if _old(path)
        )
    for path in sorted((store.path / CHECKED).glob("*")):
        if path.name not in keys:
            yield Unneeded("leftovers", path)
    for path in sorted((store.path / WORK).glob("*")):
        key = path.name.partition(".")[0]
        if not is_key(key):
            continue
        if path.suffix == ".lock":
            # Whoever opens it while it goes would lock another file than the next one.
            if key not in keys and _old(path):
                yield Unneeded("leftovers", path, key)
        elif not _busy(store, key) and _is_left_over(store, key, path):
            yield Unneeded("leftovers", path, key, partial(_is_left_over, store, key, path))


def _is_left_over(store: Store, key: str, path: Path) -> bool:
    """Whether a file or folder beside the running cells is of no use, if no process runs its cell."""
    if store.live(key) is not None:  # on a machine whose lock is not seen here
        return False
    resumable = path.suffix == ".ckpt" or (is_key(path.name) and (path / CHECKPOINT).exists())
    return not resumable or store.done(key)


def _old(path: Path) -> bool:
    """Whether nobody writes to an unfinished file or folder any more."""
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED
    except OSError:
        return False


def _busy(store: Store, key: str) -> bool:
    try:
        return store.busy(key)
    except (Busy, OSError):
        return True
