"""The logger of a training, through Lightning: every number of the learning curve while it grows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from posharness.contracts.cell import Cell
from posharness.errors import UserError

__all__ = ["close", "log_rows", "make_logger"]

_PROJECT = "posharness"
_SAME_FOR_ALL = ("step", "seconds", "gradient_norm", "learning_rate")
"""The columns of a curve that do not depend on the objective."""


def make_logger(cell: Cell, logs: Path) -> Logger | bool:
    """The logger that a cell's trainer names; False for none.

    Args:
        logs: the folder of all logs, where the logger writes files.

    Raises:
        UserError: the logger is not installed.
    """
    kind = cell.trainer.logger
    if not kind:
        return False
    folder, name = str(logs / kind), f"{cell.task.label} {cell.label} seed {cell.seed} {cell.key[:12]}"
    try:
        if kind == "csv":
            return CSVLogger(folder, name=cell.key[:12], version="")
        if kind == "tensorboard":
            return TensorBoardLogger(folder, name=cell.key[:12], version="")
        if kind == "wandb":
            Path(folder).mkdir(parents=True, exist_ok=True)
            return WandbLogger(name=name, save_dir=folder, project=_PROJECT, group=cell.task.label)
        return MLFlowLogger(_PROJECT, run_name=name, save_dir=folder)
    except ModuleNotFoundError:
        raise UserError(
            f"--logger {kind} needs a package that is not installed: pip install 'posharness[{kind}]'."
        ) from None


def close(logger: Logger) -> None:
    """Write what is left; the process of a cell ends without a farewell."""
    logger.save()
    if isinstance(logger, WandbLogger):
        logger.experiment.finish()


def log_rows(logger: Logger, rows: Sequence[Mapping[str, Any]]) -> None:
    """Log rows of a learning curve: what an objective measures is named QUANTITY/OBJECTIVE."""
    steps: dict[int, dict[str, float]] = {}
    for row in rows:
        found = steps.setdefault(row["step"], {})
        for column, value in row.items():
            if column in ("step", "objective") or math.isnan(value):
                continue
            found[column if column in _SAME_FOR_ALL else f"{column}/{row['objective']}"] = value
    for step, metrics in steps.items():
        logger.log_metrics(metrics, step)
    logger.save()
