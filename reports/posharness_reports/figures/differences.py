"""Panels of mean differences by distance."""

from __future__ import annotations

import pandas as pd

from posharness_reports.figures.panels import Panel, log_spaced

__all__ = ["difference_panel"]


def difference_panel(
    points: pd.DataFrame, runs: pd.DataFrame, *, title: str, x_label: str, y_label: str
) -> Panel | None:
    """Mean differences by distance, with a dotted line at 0; None when no pair has a distance.

    Args:
        points: as `PairedDifference.points`.
        runs: as `PairedDifference.runs`.
    """
    if points.empty:
        return None
    places = points["x"].drop_duplicates()
    return Panel(
        title=title,
        lines=points[["label", "x", "mean", "low", "high"]].rename(columns={"mean": "y"}),
        dots=runs[["label", "x", "mean"]].rename(columns={"mean": "y"}),
        chance=pd.DataFrame({"x": [places.min(), places.max()], "y": [0.0, 0.0]}),
        chance_name="0",
        ticks=dict(zip(points["x"], points["bucket"].str.replace("–", "-"), strict=True)),
        log=log_spaced(places),
        x_label=x_label,
        y_label=y_label,
    )
