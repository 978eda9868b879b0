"""The learning curve of a cell, as it grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from posharness.contracts.columns import CURVES
from posharness.training.scoring import Scored

__all__ = ["Curve"]

_POINTS = 100
"""About how many evenly spaced steps are logged, beside those that are validated."""


class Curve:
    """One row for each logged step and objective.

    Its columns are those of `posharness.contracts.columns.CURVES`, beside the cell's identity.
    """

    def __init__(self, objectives: Sequence[str], steps: int) -> None:
        self._objectives = objectives
        self._every = max(1, steps // _POINTS)
        self._rows: list[dict[str, Any]] = []
        self._forget()

    def add(self, losses: Sequence[float]) -> None:
        """Take in the losses of one step, NaN for an objective that it did not score."""
        for index, loss in enumerate(losses):
            if not math.isnan(loss):
                self._sums[index] += loss
                self._counts[index] += 1

    def log(
        self,
        step: int,
        *,
        seconds: float,
        gradient_norm: float,
        learning_rate: float,
        validation: Sequence[Scored] | None,
    ) -> Sequence[dict[str, Any]]:
        """Write the rows of a step, if it is one of those that are logged or was validated; return them."""
        if step % self._every and validation is None:
            return ()
        for index, objective in enumerate(self._objectives):
            count = self._counts[index]
            self._rows.append(
                {
                    "step": step,
                    "seconds": seconds,
                    "objective": objective,
                    "train_loss": self._sums[index] / count if count else math.nan,
                    "validation_loss": validation[index].loss if validation else math.nan,
                    "validation_score": validation[index].accuracy if validation else math.nan,
                    "gradient_norm": gradient_norm,
                    "learning_rate": learning_rate,
                }
            )
        self._forget()
        return self._rows[-len(self._objectives) :]

    @property
    def rows(self) -> Sequence[dict[str, Any]]:
        """Every row so far."""
        return self._rows

    def frame(self) -> pd.DataFrame:
        """Every row so far."""
        names = [column.name for column in CURVES.own_columns]
        rows = pd.DataFrame(self._rows) if self._rows else pd.DataFrame(columns=names)
        return CURVES.checked(rows).astype(
            {"step": "int32", "objective": pd.CategoricalDtype(list(self._objectives))}
        )

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"rows": list(self._rows), "sums": list(self._sums), "counts": list(self._counts)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from the state in a checkpoint."""
        self._rows, self._sums, self._counts = list(state["rows"]), list(state["sums"]), list(state["counts"])

    def _forget(self) -> None:
        self._sums = [0.0] * len(self._objectives)
        self._counts = [0] * len(self._objectives)
