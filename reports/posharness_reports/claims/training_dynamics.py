"""The claim that trainable positions improve training."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames

if TYPE_CHECKING:
    import pandas as pd


class TrainingDynamics(Claim):
    """How much is known how soon. Relative against ALiBi, and learned against absolute, tell what the
    training of positions adds where both are relative, and where both are absolute."""

    name = "training-dynamics"
    summary = "Trainable positions let a model learn sooner"
    statement = "Positions that are trained improve training: the model learns sooner."
    contrasts: ClassVar = (("relative", "absolute"), ("relative", "alibi"), ("learned", "absolute"))
    metric = "normalised validation accuracy, mean over the training run"
    order = 40

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Of every task whose validation accuracy was logged."""
        from posharness_reports.claims._metrics import while_training

        return while_training(frames)
