"""Whether a batch can be divided among the devices, and into the parts, that the trainer asks for."""

from __future__ import annotations

from posharness.contracts.cell import Budget, TrainerSettings
from posharness.errors import UserError

__all__ = ["check_division"]


def check_division(budget: Budget, trainer: TrainerSettings) -> None:
    """Check that each part of a batch has a sequence.

    Raises:
        UserError: it has none.
    """
    parts = trainer.devices * trainer.accumulate
    if parts > budget.batch:
        raise UserError(
            f"A batch of {budget.batch} cannot be divided into {trainer.devices} (trainer.devices) times "
            f"{trainer.accumulate} (trainer.accumulate) parts: give a larger budget.batch, or fewer parts."
        )
