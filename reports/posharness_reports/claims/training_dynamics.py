"""The claim that trained positions improve training."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames

if TYPE_CHECKING:
    import pandas as pd


class TrainingDynamics(Claim):
    """Measured over the whole training. Relative against ALiBi shows what trained positions add to relative
    encodings, and learned against absolute what they add to absolute ones."""

    name = "training-dynamics"
    summary = "Trained positions let a model learn sooner"
    statement = "Trained positions improve training: the model learns sooner."
    contrasts: ClassVar = (("relative", "absolute"), ("relative", "alibi"), ("learned", "absolute"))
    metric = "normalised validation accuracy, mean over the training run"
    order = 40

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task whose validation accuracy was logged."""
        from posharness_reports.claims._metrics import while_training

        return while_training(frames)
