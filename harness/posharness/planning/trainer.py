"""Whether a cell can be trained as the table [trainer] says."""

from __future__ import annotations

from importlib.util import find_spec

from posharness.contracts.cell import Budget, TrainerSettings
from posharness.errors import UserError

__all__ = ["LOGGERS", "check_trainer"]

LOGGERS = {"csv": "csv", "tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow"}
"""The loggers, each with the module that it needs."""


def check_trainer(budget: Budget, trainer: TrainerSettings) -> None:
    """Check that each part of a batch has a sequence, and that the logger is installed.

    Raises:
        UserError: it has none, or is not.
    """
    parts = trainer.processes * trainer.accumulate
    if parts > budget.batch:
        nodes = f"{trainer.num_nodes} (trainer.num_nodes) times " if trainer.num_nodes > 1 else ""
        raise UserError(
            f"A batch of {budget.batch} cannot be divided into {nodes}{trainer.devices} (trainer.devices) "
            f"times {trainer.accumulate} (trainer.accumulate) parts: give a larger budget.batch, or fewer "
            "parts."
        )
    if trainer.logger and find_spec(LOGGERS[trainer.logger]) is None:
        raise UserError(
            f"--logger {trainer.logger} needs a package that is not installed: "
            f"pip install 'posharness[{trainer.logger}]'."
        )
