"""The workspace of a running cell: a folder that moves to the finished cells when the cell ends."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from posharness.contracts import CellOutcome, Progress
from posharness.contracts.atomic_files import UNFINISHED, new_file, sync, sync_tree, write_json
from posharness.contracts.cell import Cell
from posharness.store.checksums import write_checksums
from posharness.store.layout import CELL, CHECKPOINT, LIVE, LOG, CellStatus, now

__all__ = ["INTERRUPTED", "Busy", "CellWorkspace"]

INTERRUPTED = CellOutcome("interrupted", "stopped; the next run resumes it")


class Busy(Exception):
    """Another process is running this cell."""


class CellWorkspace:
    """The work folder of one cell, made by `Store.begin`, which holds the cell's lock.

    Its first status is "interrupted": the right one if the process dies and writes no other.

    While the folder moves, its checkpoint is beside it (`work/<key>.ckpt`), and goes only once the result is
    in its place. It stays for a cell whose process died, that ran out of time, or that failed after more
    training than an attempt before: the next attempt resumes it.

    Attributes:
        folder: the folder that training writes to.
    """

    def __init__(self, cell: Cell, folder: Path, home: Path, *, keep: bool, run: str) -> None:
        self.folder = folder
        self._cell = cell
        self._home = home
        self._kept = folder.with_name(f"{folder.name}.ckpt")
        self._run, self._attempt = run, uuid4().hex
        self._started, self._ended = now(), ""
        checkpoint = folder / CHECKPOINT
        if keep:
            with suppress(OSError, ValueError):
                before = CellStatus.read(folder)
                self._started, self._ended = before.started, before.finished
        elif not checkpoint.exists():
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        if not keep and self._kept.exists() and not checkpoint.exists():
            self._kept.replace(checkpoint)
        self._resumed = checkpoint.stat().st_mtime_ns if not keep and checkpoint.exists() else 0
        self._write_cell()
        CellStatus(status=INTERRUPTED.status, reason=INTERRUPTED.reason, started=self._started).write(folder)

    def report(self, progress: Progress) -> None:
        """Show the progress of the cell to other processes."""
        named = replace(progress, run=self._run, attempt=self._attempt)
        write_json(self.folder / LIVE, asdict(named))

    def beat(self) -> None:
        """Show other processes that the cell is alive, without new progress."""
        with suppress(FileNotFoundError):
            os.utime(self.folder / LIVE)

    def finish(self, outcome: CellOutcome) -> CellStatus:
        """Move the folder to the finished cells; that of an interrupted cell stays where it is."""
        # Of a cell that was interrupted and waited since, only the reason is new.
        finished = (self._ended if outcome.status == "interrupted" else "") or now()
        seconds = datetime.fromisoformat(finished) - datetime.fromisoformat(self._started)
        state = CellStatus(
            status=outcome.status,
            reason=outcome.reason,
            started=self._started,
            finished=finished,
            seconds=round(seconds.total_seconds(), 3),
            traceback=outcome.traceback,
        )
        state.write(self.folder)
        (self.folder / LIVE).unlink(missing_ok=True)
        if outcome.status != "interrupted":
            resumable = self._put_checkpoint_aside(outcome)
            self._write_cell()  # other people's code has run beside it
            self._seal_log()
            for left in self.folder.glob(f".*{UNFINISHED}"):  # by a process that was killed
                left.unlink()
            self._remove_pipes()
            write_checksums(self.folder, self._cell.key)
            sync_tree(self.folder)
            self._publish()
            if not resumable:
                self._kept.unlink(missing_ok=True)
        return state

    def _seal_log(self) -> None:
        """Put a copy of the log in its place: whoever has it open writes to a file that is gone.

        Output goes on after the end: that of a process the plugin has started, or the complaint that the
        harness is gone. It would be taken for damage.
        """
        log = self.folder / LOG
        if log.is_file():
            with new_file(log) as copy:
                shutil.copyfile(log, copy)

    def _remove_pipes(self) -> None:
        """Remove what is neither a file, a folder nor a link: whoever reads it would wait for ever."""
        for path in self.folder.rglob("*"):
            if path.exists() and not (path.is_file() or path.is_dir()):
                path.unlink()

    def _write_cell(self) -> None:
        write_json(self.folder / CELL, self._cell.model_dump(mode="json"), durable=True)

    def _put_checkpoint_aside(self, outcome: CellOutcome) -> bool:
        """Move the checkpoint out of the folder; return whether the next attempt should resume it."""
        checkpoint = self.folder / CHECKPOINT
        if not checkpoint.exists():
            return outcome.status not in ("done", "skipped")  # an earlier attempt may have left one
        newer = checkpoint.stat().st_mtime_ns > self._resumed
        checkpoint.replace(self._kept)
        # A checkpoint that cannot be resumed would let every attempt fail.
        return outcome.status in ("crashed", "timeout") or (outcome.status == "failed" and newer)

    def _publish(self) -> None:
        self._home.parent.mkdir(exist_ok=True)
        # A folder that is not empty cannot be replaced in one step: the older, worse result moves away first.
        worse = self.folder.with_name(f"{self.folder.name}.worse")
        shutil.rmtree(worse, ignore_errors=True)
        with suppress(FileNotFoundError):
            self._home.replace(worse)
        self.folder.replace(self._home)
        sync(self._home.parent)
        shutil.rmtree(worse, ignore_errors=True)
