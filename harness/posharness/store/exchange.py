"""Cells from one store to another: merged, or packed into a file and unpacked again."""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from lzma import LZMAError
from pathlib import Path

from posharness.contracts.atomic_files import UNFINISHED, new_file, new_folder, sync, sync_tree
from posharness.errors import UserError
from posharness.store.checksums import files_of, read_checksums
from posharness.store.layout import CELLS, PREDICTIONS, STORE, is_key
from posharness.store.records import RECORDS, merge_records
from posharness.store.store import Store
from posharness.store.workspace import Busy

__all__ = ["Merged", "merge", "pack", "unpacked"]


@dataclass
class Merged:
    """What became of the cells of the other store, by key.

    Attributes:
        added: copied into the store.
        same: already there with the same predictions, or with a result that is no worse.
        conflicts: done in both stores with other predictions; the store keeps its own.
        damaged: not copied, with the reason.
        busy: another process is making them.
        records: records of the store that were not merged, with the reason; see `merge_records`.
    """

    added: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)
    busy: list[str] = field(default_factory=list)
    records: dict[str, str] = field(default_factory=dict)


def merge(into: Store, other: Store) -> Merged:
    """Copy the ended cells of another store, each whole and under its lock. Nothing of value is replaced."""
    found = Merged()
    for key in other.keys():  # noqa: SIM118
        theirs = other.ended(key)
        if theirs is None:
            continue
        try:
            reason = other.damage(key, remember=False)
        except OSError as error:
            reason = f"it cannot be read ({error.strerror or error})"
        if reason:
            found.damaged[key] = reason
            continue
        try:
            with into.replacing(key):
                ours = into.ended(key)
                if ours is None or (ours.status != "done" and theirs.status == "done"):
                    _copy(other.home(key), into, key)
                    found.added.append(key)
                elif ours.status == theirs.status == "done" and _differ(into.home(key), other.home(key), key):
                    found.conflicts.append(key)
                else:
                    found.same.append(key)
        except Busy:
            found.busy.append(key)
    found.records = merge_records(into.path, other.path)
    return found


def pack(store: Store, keys: Collection[str], path: Path) -> int:
    """Write ended cells and the store's records into a compressed tar file; return the number of cells.

    Raises:
        UserError: one of them is damaged.
    """
    for key in keys:
        if reason := store.damage(key, remember=False):
            raise UserError(
                f"The cell {key[:12]} is damaged ({reason}); run it again, or export the others by key."
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path, durable=True) as aside, tarfile.open(aside, "w:gz", dereference=True) as archive:
        archive.add(store.path / STORE, STORE)
        for name in RECORDS:
            if (store.path / name).exists():
                archive.add(store.path / name, name)
        for key in keys:
            archive.add(store.home(key), f"{CELLS}/{key}")
    return len(keys)


@contextmanager
def unpacked(path: Path, beside: Store) -> Iterator[Store]:
    """The cells of a packed file, as a store beside another that is removed afterwards.

    Only folders and plain files of cells are unpacked, wherever else the file would write.

    Raises:
        UserError: the file is not one that `pack` wrote.
    """
    folder = beside.path / f".import.{os.getpid()}{UNFINISHED}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        try:
            with tarfile.open(path, "r:*") as archive:
                for member in archive:
                    if (member.name in (STORE, *RECORDS) and member.isfile()) or _of_cell(member):
                        archive.extract(member, folder, filter="data")
            if not (folder / STORE).is_file():
                raise ValueError(f"it holds no {STORE}")
        except (tarfile.TarError, EOFError, ValueError, OSError, LZMAError, zlib.error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise UserError(
                f"{path} cannot be unpacked ({' '.join(reason.split())[:200]}); give a file that "
                "`harness store export` wrote."
            ) from error
        yield Store.open(folder, create=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _of_cell(member: tarfile.TarInfo) -> bool:
    parts = Path(member.name).parts
    return (member.isfile() or member.isdir()) and len(parts) > 1 and parts[0] == CELLS and is_key(parts[1])


def _copy(source: Path, into: Store, key: str) -> None:
    """Copy a cell's files; a sound result that it replaces goes, any other is set aside."""
    with new_folder(into.home(key), replace=True) as aside:
        for name in files_of(source):
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, aside / name)
        sync_tree(aside)
        if into.home(key).exists() and not _is_sound(into, key):
            into.set_aside(key)
    sync(into.home(key).parent)


def _is_sound(store: Store, key: str) -> bool:
    """Whether a cell has ended and its files can be read and are those that it ended with."""
    try:
        return not store.damage(key)
    except OSError:
        return False


def _differ(ours: Path, theirs: Path, key: str) -> bool:
    """Whether two done folders of a cell hold other predictions; times and logs differ always."""
    return read_checksums(ours, key).get(PREDICTIONS) != read_checksums(theirs, key).get(PREDICTIONS)
