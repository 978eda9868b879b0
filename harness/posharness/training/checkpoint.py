"""Checkpoints: stopping a cell without losing its training, and resuming it."""

from __future__ import annotations

import pickle
import signal
import threading
import time
import zlib
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any
from zipfile import BadZipFile, ZipFile

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from posharness.contracts.atomic_files import new_file
from posharness.contracts.cell import Cell

__all__ = ["AtomicCheckpointIO", "Checkpoints", "Interrupted", "StopSignal", "resumable"]

_OWNER = "posharness_cell"
"""The entry of a checkpoint that holds the key of its cell."""


class Interrupted(Exception):
    """The cell was asked to stop, and its checkpoint is written."""


class StopSignal:
    """Within it, SIGINT and SIGTERM set `requested` instead of stopping the process in the middle of a step.

    Python handles signals in the main thread only; in another one `requested` stays False.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place: Lightning's own goes through the system's temporary folder."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        with new_file(Path(path)) as aside:
            torch.save(checkpoint, aside)


class Checkpoints(pl.Callback):
    """Writes a checkpoint every few minutes and when asked to stop, always between two steps.

    It must come after every callback whose state the checkpoint holds. Where several processes train the
    cell, the first decides for all, and one is written at the end of training: it takes all of them, and the
    others do not wait for the test. Lightning's own handler of SIGTERM, which would leave the training by an
    error and without a checkpoint, is taken away before the first step.
    """

    def __init__(self, path: Path, stop: StopSignal, cell: Cell) -> None:
        self._path = path
        self._stop = stop
        self._key = cell.key
        self._trainer = cell.trainer
        self._saved = 0.0

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)
        self._saved = time.monotonic()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[_OWNER] = self._key

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self._trainer.accumulate:
            return
        due = time.monotonic() - self._saved >= self._trainer.checkpoint_every
        stop, due = trainer.strategy.broadcast((self._stop.requested, due))
        if stop or due:
            self.keep(trainer)
        if stop:
            raise Interrupted

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._trainer.processes > 1:
            self.keep(trainer)

    def keep_in_test(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint after training, in the first process alone."""
        if self._trainer.processes == 1:
            self.keep(trainer)

    def keep(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint, in place of an older one."""
        trainer.save_checkpoint(self._path)
        self._saved = time.monotonic()


def resumable(path: Path, key: str) -> Path | None:
    """The checkpoint to resume from; None where there is none, it is damaged, or it is another cell's.

    Args:
        key: of the cell that would resume.
    """
    try:
        with ZipFile(path) as archive:
            if archive.testzip() is not None:  # torch does not compare the checksums of the parts
                return None
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return path if held[_OWNER] == key else None
    except (OSError, EOFError, LookupError, TypeError, ValueError, RuntimeError):
        return None
    except (BadZipFile, zlib.error, pickle.UnpicklingError):
        return None
