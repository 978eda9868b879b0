"""The claim that trained positions improve training."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from posharness.contracts import Claim, Frames, Group, Twins

if TYPE_CHECKING:
    import pandas as pd


class TrainingDynamics(Claim):
    """An encoding against itself, kept at its start by `trained=False`, shows what training it adds.

    Fixed relative encodings, such as ALiBi and rotary positions, were designed; a kept start is random.
    The metric is about runs that get there, and leaves out how accurate they become.
    """

    name = "training-dynamics"
    summary = "Trained positions let a model learn sooner"
    statement = "Trained positions improve training: the model learns sooner."
    refuted_by = "as many steps, or more, as with the same positions kept at their start or with fixed ones"
    contrasts: ClassVar = (
        Twins("trained"),
        (Group("relative", "trained"), Group("relative", "fixed")),
        (Group("absolute", "trained"), Group("absolute", "fixed")),
    )
    metric = (
        "minus the binary logarithm of the steps to half of the way from chance to perfect on the validation "
        "set, in runs that get there: one more is half of the steps"
    )
    smallest_effect = 0.2
    scaled = False
    needs_room = False  # runs can learn sooner and later and all end at the ceiling
    order = 40

    def measure(self, frames: Frames) -> pd.DataFrame:
        """Measured on every task whose validation accuracy was logged."""
        from posharness_reports.claims._metrics import speed

        return speed(frames)
