"""Tables of readings: means by place, and all measured values."""

from __future__ import annotations

import pandas as pd

from posharness_reports.formatting import Format, with_interval
from posharness_reports.tables.tidy import tidy

__all__ = ["all_values", "by_place"]


def by_place(
    points: pd.DataFrame, value: str = "accuracy", column: str = "bucket", write: Format = with_interval
) -> pd.DataFrame:
    """Models by place, e.g. by bucket of distance; each field is a mean with its interval.

    Args:
        value: the column of the mean.
        column: the column that names the place.
        write: formats a mean and the ends of its interval.
    """
    ordered = points.sort_values("x", kind="stable") if "x" in points else points
    places = list(dict.fromkeys(ordered[column]))
    fields = [write(*row) for row in points[[value, "low", "high"]].itertuples(index=False)]
    table = points.assign(field=fields).pivot_table("field", "label", column, aggfunc="first", observed=True)
    table = table.reindex(columns=places).sort_index().fillna("–")
    return table.rename_axis(index="model", columns=None).reset_index()


def all_values(points: pd.DataFrame) -> pd.DataFrame:
    """All measured values of a reading, under the column names of its CSV file."""
    plain = points.drop(columns=["task", "objective", "scope", "lengths", "distance"], errors="ignore")
    return tidy(plain.rename(columns={"label": "model", "mean": "mean_difference"}))
