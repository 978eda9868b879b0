"""Lightning's Trainer as a bare loop: no logger, no progress bar, no output."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy, Strategy

from posharness.contracts.cell import Cell
from posharness.training.checkpoint import AtomicCheckpointIO
from posharness.training.place import ALONE, Place, PlaceEnvironment

__all__ = ["quiet", "trainer"]


def trainer(
    cell: Cell,
    folder: Path,
    callbacks: Sequence[pl.Callback],
    place: Place = ALONE,
    logger: Logger | bool = False,
) -> pl.Trainer:
    """A Trainer for one process, which has its place among those that train the cell, on any cluster."""
    return pl.Trainer(
        accelerator=cell.trainer.accelerator,
        devices=place.devices,
        num_nodes=place.nodes,
        strategy=_strategy(cell, place),
        precision=cell.trainer.precision,
        accumulate_grad_batches=cell.trainer.accumulate,
        plugins=[PlaceEnvironment(place), AtomicCheckpointIO()],
        max_steps=cell.budget.steps,
        callbacks=list(callbacks),
        default_root_dir=folder,
        logger=logger,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _strategy(cell: Cell, place: Place) -> Strategy | str:
    if place.processes == 1:
        return "auto"
    if cell.trainer.strategy == "fsdp":
        return ModelParallelStrategy(place.processes, 1, save_distributed_checkpoint=False)
    # A step may have no prediction of an objective, whose readout then has no gradient.
    return DDPStrategy(find_unused_parameters=True)


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
