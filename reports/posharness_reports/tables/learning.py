"""A summary of learning curves: the first, last and best values of each run."""

from __future__ import annotations

import pandas as pd

from posharness_reports.tables.tidy import folded

__all__ = ["curve_summary"]


def curve_summary(curves: pd.DataFrame) -> pd.DataFrame:
    """A row for each run and objective: first and last loss, best validation score, largest gradient norm."""
    keys = ["task", "objective", "label", "seed"]
    ordered = curves.sort_values([*keys, "step"], kind="stable")
    numbers = ["train_loss", "validation_loss", "validation_score", "gradient_norm"]
    ordered = ordered.astype(dict.fromkeys(numbers, float))
    summary = ordered.groupby(keys, observed=True).agg(
        last_step=("step", "max"),
        first_loss=("train_loss", "first"),
        last_loss=("train_loss", "last"),
        first_validation_loss=("validation_loss", "first"),
        last_validation_loss=("validation_loss", "last"),
        best_validation_accuracy=("validation_score", "max"),
        largest_gradient_norm=("gradient_norm", "max"),
    )
    return folded(summary.reset_index().rename(columns={"label": "encoding"}))
