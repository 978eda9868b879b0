"""Lightning's Trainer as a bare loop: no logger, no progress bar, no output."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from posharness.contracts.cell import Cell
from posharness.training.checkpoint import AtomicCheckpointIO

__all__ = ["quiet", "trainer"]


def trainer(cell: Cell, folder: Path, callbacks: Sequence[pl.Callback]) -> pl.Trainer:
    """A Trainer for one process and one device, on any cluster."""
    return pl.Trainer(
        accelerator="auto",
        devices=1,
        precision=cell.trainer.precision,
        plugins=[LightningEnvironment(), AtomicCheckpointIO()],
        max_steps=cell.budget.steps,
        callbacks=list(callbacks),
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's messages about hardware and configuration, and warnings about its own code."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for module in ("pytorch_lightning", "lightning_fabric"):
                warnings.filterwarnings("ignore", module=module)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
