"""The logger of a training, through Lightning: every number of the learning curve while it grows."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from posharness.contracts.cell import Cell
from posharness.errors import UserError

__all__ = ["close", "log_rows", "make_logger"]

_PROJECT = "posharness"
_SAME_FOR_ALL = ("step", "seconds", "gradient_norm", "learning_rate")
"""The columns of a curve that do not depend on the objective."""


class _Lenient(Logger):
    """Passes everything on to a logger until that fails, as when its server is lost; then, to nowhere.

    The numbers are in the store all the same.
    """

    def __init__(self, logger: Logger) -> None:
        super().__init__()
        self._logger: Logger | None = logger
        self._named = str(logger.name), logger.version

    @property
    def name(self) -> str:
        return self._named[0]

    @property
    def version(self) -> int | str | None:
        return self._named[1]

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self._try(lambda logger: logger.log_metrics(metrics, step))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self._try(lambda logger: logger.log_hyperparams(params, *args, **kwargs))

    def save(self) -> None:
        self._try(lambda logger: logger.save())

    def finalize(self, status: str) -> None:
        self._try(lambda logger: logger.finalize(status))

    def close(self) -> None:
        """Write what is left; the process of a cell ends without a farewell."""
        self.save()
        self._try(lambda logger: logger.experiment.finish() if isinstance(logger, WandbLogger) else None)

    def _try(self, call: Callable[[Logger], None]) -> None:
        if self._logger is None:
            return
        try:
            call(self._logger)
        except Exception as error:  # noqa: BLE001 - the border of a library, its network and its disk
            name, self._logger = type(self._logger).__name__, None
            sys.stderr.write(f"{name} failed; the training goes on without it: {error!r}\n")


def make_logger(cell: Cell, logs: Path) -> Logger | bool:
    """The logger that a cell's trainer names; False for none. It has begun; what it raises later is printed.

    Args:
        logs: the folder of all logs, where the logger writes files.

    Raises:
        UserError: the logger is not installed.
        Exception: it cannot begin.
    """
    kind = cell.trainer.logger
    if not kind:
        return False
    folder, name = str(logs / kind), f"{cell.task.label} {cell.label} seed {cell.seed} {cell.key[:12]}"
    logger: CSVLogger | TensorBoardLogger | WandbLogger | MLFlowLogger
    try:
        if kind == "csv":
            logger = CSVLogger(folder, name=cell.key[:12], version="")
        elif kind == "tensorboard":
            # What an earlier attempt has written is written again, and not to be shown twice.
            logger = TensorBoardLogger(folder, name=cell.key[:12], version="", purge_step=0)
        elif kind == "wandb":
            Path(folder).mkdir(parents=True, exist_ok=True)
            logger = WandbLogger(name=name, save_dir=folder, project=_PROJECT, group=cell.task.label)
        else:
            logger = MLFlowLogger(_PROJECT, run_name=name, save_dir=folder)
    except ModuleNotFoundError:
        raise UserError(
            f"--logger {kind} needs a package that is not installed: pip install 'posharness[{kind}]'."
        ) from None
    _ = logger.experiment
    return _Lenient(logger)


def close(logger: Logger) -> None:
    """Let a logger that was made here write what is left."""
    assert isinstance(logger, _Lenient)
    logger.close()


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
