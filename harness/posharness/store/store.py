"""A store: finds, reads and starts cells by their keys."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from posharness.contracts import Progress
from posharness.contracts.atomic_files import read_json, write_json
from posharness.contracts.cell import Cell
from posharness.errors import UserError
from posharness.store.checksums import damage, files_of, signature
from posharness.store.clock import FolderClock
from posharness.store.layout import (
    ASIDE,
    CELL,
    CELLS,
    CHECKED,
    CURVE,
    ENVIRONMENT,
    LIVE,
    LOG,
    PLUGINS,
    PREDICTIONS,
    RESULT,
    WEIGHTS,
    WORK,
    CellStatus,
    is_key,
    now,
)
from posharness.store.validate import open_folder
from posharness.store.workspace import Busy, CellWorkspace
from posharness.visible import can_be_shown

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Store"]

_TRAINED = (CURVE, WEIGHTS)
_COMPLETE = (CELL, RESULT, ENVIRONMENT, PREDICTIONS, *_TRAINED)
"""The files of a cell that is done; a reading has none of training."""

_SETTLED = 0.02
"""Seconds after a change for which a file's times may not show another one: they are as coarse as a tick."""

_PROGRESS = TypeAdapter(Progress)

_SILENCE = 15.0
"""Seconds without a sign of life after which a cell counts as interrupted; it gives one every second."""


class Store:
    """Cells on disk: ended ones in `cells/`, running and interrupted ones in `work/`.

    Reading needs no write permission and takes no lock: a cell's folder is complete or absent.

    Attributes:
        path: the store's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cells, self._working, self._checked = path / CELLS, path / WORK, path / CHECKED
        self._clock = FolderClock(self._working)

    @classmethod
    def open(cls, path: Path, *, create: bool) -> Store:
        """Open a store.

        Args:
            create: create it if it is missing, and check that it can be written; else only read it.

        Raises:
            UserError: the path is not a store of this format and cannot become one.
        """
        open_folder(path, create=create)
        return cls(path)

    def home(self, key: str) -> Path:
        """The folder of a cell that has ended."""
        return self._cells / key

    def keys(self) -> list[str]:
        """The keys of all cells, ended or not, in ascending order."""
        parents = [parent for parent in (self._cells, self._working) if parent.is_dir()]
        return sorted({entry.name for parent in parents for entry in parent.iterdir() if is_key(entry.name)})

    def find(self, prefix: str) -> str:
        """The one key that begins with `prefix`.

        Raises:
            UserError: there is none, or more than one.
        """
        found = [key for key in self.keys() if key.startswith(prefix.lower())]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UserError(
                f"No cell of the store {self.path} has a key that begins with {prefix!r}; "
                f"`harness status --store {self.path}` lists them."
            )
        raise UserError(
            f"{len(found)} cells of the store {self.path} have keys that begin with {prefix!r}; "
            f"give more of it: {', '.join(key[: len(prefix) + 8] for key in found[:3])} …"
        )

    def status(self, key: str) -> CellStatus | None:
        """The state of a cell; None when it is not in the store. A damaged cell has failed.

        Every command judges a cell by this. Files are compared with their checksums if one was written to
        since they last agreed.
        """
        # In this order, so that a cell that finishes in between is seen.
        working = self._work_status(key)
        ended = self.ended(key)
        return ended if working is None or (ended is not None and ended.status == "done") else working

    def ended(self, key: str) -> CellStatus | None:
        """The state of a cell that has ended; None for another. It has failed if its folder is damaged."""
        folder = self.home(key)
        if not folder.is_dir():
            return None
        try:
            if found := self.damage(key):
                return CellStatus(status="failed", reason=f"its folder is damaged: {found}")
            state = CellStatus.read(folder)
        except (OSError, ValueError) as error:
            if not folder.is_dir():
                return None
            advice = "; make it readable" if isinstance(error, OSError) else ""
            return CellStatus(status="failed", reason=f"its folder cannot be read ({_why(error)}){advice}")
        if state.status == "done":
            missing = sorted(set(_COMPLETE).difference(os.listdir(folder)))
            if missing and not (set(missing) <= set(_TRAINED) and self._is_reading(folder)):
                return CellStatus(status="failed", reason=f"its folder lacks {', '.join(missing)}")
        return state

    def done(self, key: str) -> bool:
        """Whether a cell is done and its files are those that it ended with."""
        status = self.ended(key)
        return status is not None and status.status == "done"

    def cell(self, key: str) -> Cell:
        """The cell of a key.

        Raises:
            OSError: there is none.
            ValueError: its file does not hold a cell.
        """
        return Cell.model_validate_json((self.folder(key) / CELL).read_bytes())

    def folder(self, key: str) -> Path:
        """The folder of a cell's files, whether it has ended or not."""
        work = self._work(key)
        return work if work.is_dir() and not self.done(key) else self.home(key)

    def live(self, key: str) -> Progress | None:
        """The progress of a running cell; None for one that is not running."""
        path = self._work(key) / LIVE
        try:
            # A sign of life from the future is none: the clock was set back.
            beat = path.stat().st_mtime
            if abs(self._clock.now() - beat) > _SILENCE:
                return None
            return _PROGRESS.validate_json(path.read_bytes())
        except (OSError, ValueError):
            return None

    def results(self, key: str) -> dict[str, Any]:
        """The facts about a trained cell (`result.json`); empty if there are none."""
        path = self.folder(key) / RESULT
        return read_json(path) if path.exists() else {}

    def plugins(self, key: str) -> list[dict[str, str]]:
        """The plugins that made a cell, with package, version, file and digest (`plugins.json`)."""
        path = self.folder(key) / PLUGINS
        return list(read_json(path)["plugins"]) if path.exists() else []

    def environment(self, key: str) -> dict[str, Any]:
        """The environment of a trained cell (`environment.json`); empty if there is none."""
        path = self.folder(key) / ENVIRONMENT
        return read_json(path) if path.exists() else {}

    def weights(self, key: str) -> dict[str, Tensor]:
        """The trained weights of a cell, by name.

        Raises:
            UserError: the cell has none.
        """
        from safetensors.torch import load_file

        path = self.weights_path(key)
        if not path.exists():
            raise UserError(f"The cell {key[:12]} has no weights in the store {self.path}; train it first.")
        return load_file(path)

    def weights_path(self, key: str) -> Path:
        """The file of a cell's trained weights."""
        return self.folder(key) / WEIGHTS

    def log(self, key: str) -> str:
        """The output of a cell's process; empty if there was none."""
        path = self.folder(key) / LOG
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def busy(self, key: str) -> bool:
        """Whether a process is running this cell."""
        try:
            with self._locked(key):
                return self._alive_elsewhere(key)
        except Busy:
            return True

    def holder(self, key: str) -> str:
        """Which process runs a cell, on which computer and since when, as far as it has said so."""
        try:
            found = read_json(self._holder(key))
            return f"process {int(found['process'])} on {found['host']!s:.100} since {found['since']!s:.40}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    @contextmanager
    def begin(self, cell: Cell, *, keep: bool = False, run: str = "") -> Iterator[CellWorkspace | None]:
        """Lock a cell and yield its workspace; None when it is already done.

        A workspace with a checkpoint is resumed; any other one is cleared. A damaged cell is set aside, in
        `aside/`.

        Args:
            keep: keep all files, to record the outcome of a process that died.
            run: see `Progress.run`.

        Raises:
            Busy: another process is running this cell.
            UserError: its folder cannot be read, so that nobody knows whether it is done.
        """
        self.check_readable(cell.key)
        with self._locked(cell.key):
            if self.done(cell.key):
                yield None
                return
            if not keep and self._alive_elsewhere(cell.key):
                raise Busy(cell.key)
            if self.damaged(cell.key):
                self.set_aside(cell.key)
            holder = self._holder(cell.key)
            write_json(holder, {"process": os.getpid(), "host": gethostname(), "since": now()})
            try:
                yield CellWorkspace(cell, self._work(cell.key), self.home(cell.key), keep=keep, run=run)
            finally:
                holder.unlink(missing_ok=True)
            self.ended(cell.key)  # which remembers that the new files agree with their checksums

    def set_aside(self, key: str) -> Path:
        """Move the folder of a cell that has ended to `aside/`; the caller holds its lock."""
        folder = self.path / ASIDE
        folder.mkdir(exist_ok=True)
        places = (folder / (key if number == 1 else f"{key}.{number}") for number in count(1))
        place = next(place for place in places if not place.exists())
        self.home(key).rename(place)
        return place

    @contextmanager
    def replacing(self, key: str) -> Iterator[None]:
        """Hold the lock of a cell, to replace or remove it.

        Raises:
            Busy: another process is running it.
        """
        with self._locked(key):
            yield

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        # The lock file stays: without it, two waiting processes could lock different files.
        lock = FileLock(self._working / f"{key}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise Busy(key) from None
        try:
            yield
        finally:
            lock.release()

    def _holder(self, key: str) -> Path:
        return self._working / f"{key}.holder"

    def _alive_elsewhere(self, key: str) -> bool:
        """Whether another machine runs a cell; its lock may not be seen here, in some shared folders."""
        try:
            host = read_json(self._holder(key)).get("host", "")
        except (OSError, ValueError):
            return False
        return host != gethostname() and self.live(key) is not None

    def _work(self, key: str) -> Path:
        return self._working / key

    def _work_status(self, key: str) -> CellStatus | None:
        folder = self._work(key)
        if not folder.is_dir():
            return None
        try:
            state = CellStatus.read(folder)
        except (OSError, ValueError):  # killed before its first file was written
            state = CellStatus(status="interrupted", reason="stopped before it started")
        if self.live(key) is not None:
            return CellStatus(status="running", started=state.started)
        return state.model_copy(update={"status": "interrupted"})

    def check_readable(self, key: str) -> None:
        """Refuse to go on with a cell that has ended and whose files cannot be read.

        Raises:
            UserError: a file cannot be read.
        """
        try:
            self.damage(key)
        except (FileNotFoundError, NotADirectoryError):
            pass  # it has not ended
        except OSError as error:
            raise UserError(
                f"The cell {key[:12]} cannot be read ({_why(error)}); make {self.home(key)} and all in it "
                "readable: it may be done, and is not made again."
            ) from error

    def damaged(self, key: str) -> bool:
        """Whether a cell has ended and its files are no longer those that it ended with."""
        try:
            return bool(self.damage(key))
        except OSError:  # it has not ended, or its status says that it cannot be read
            return False

    def damage(self, key: str, *, remember: bool = True) -> str:
        """How the folder of a cell that has ended differs from what it ended with; "" if it does not.

        Args:
            remember: do not read files again that were not written to since they last agreed.

        Raises:
            OSError: the cell has not ended, or a file cannot be read.
        """
        folder = self.home(key)
        while True:
            before = folder.stat().st_ino
            try:
                found = self._damage(key, remember=remember)
            except FileNotFoundError:
                found = "a file was taken away while it was read"
            if not found or folder.stat().st_ino == before:  # else another process has replaced it meanwhile
                return found

    def _damage(self, key: str, *, remember: bool) -> str:
        folder, stamp = self.home(key), self._checked / key
        files = files_of(folder)
        now = signature(key, files)
        if remember and _text(stamp) == now:
            return ""
        found = damage(folder, key, files) or _fault(folder / CELL)
        if not found and time.time() - max(each.st_ctime for each in files.values()) > _SETTLED:
            with suppress(OSError):  # a store that may not be written to is compared each time
                stamp.parent.mkdir(exist_ok=True)
                stamp.write_text(now)
        return found

    def _is_reading(self, folder: Path) -> bool:
        try:
            return bool(Cell.model_validate_json((folder / CELL).read_bytes()).pretrained)
        except (OSError, ValueError):
            return False


def _fault(path: Path) -> str:
    """What is wrong with a cell's file, though it has not changed: it may come from elsewhere."""
    try:
        cell = Cell.model_validate_json(path.read_bytes())
    except FileNotFoundError:  # which is for others to judge
        return ""
    except ValueError:
        return f"its {CELL} holds something else"
    parts = [
        cell.encoding,
        cell.attention,
        cell.task,
        *([cell.self_attention] if cell.self_attention else []),
    ]
    names = [name for part in parts for each in (part, *part.nested) for name in (each.name, each.label)]
    if all(map(can_be_shown, names)):
        return ""
    return f"its {CELL} holds a name that cannot be shown"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{Path(error.filename or '').name}: {(error.strerror or str(error)).lower()}"
    return type(error).__name__
