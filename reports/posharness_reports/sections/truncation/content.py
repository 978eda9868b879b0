"""Prose, a table and a figure of readings with truncated context: accuracy by radius."""

from __future__ import annotations

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import matching
from posharness_reports.figures.accuracy import band_note
from posharness_reports.figures.readings import accuracy_panel, reading_figures
from posharness_reports.formatting import enumerate_words, escape_markdown, percent, with_interval
from posharness_reports.measures.paired_differences import mean_difference, paired
from posharness_reports.sections._readings import (
    SMALLEST,
    accuracy_points,
    answers,
    compared_with_zero,
    describe_readings,
    first_and_last,
    points_by_label,
)
from posharness_reports.study import Study
from posharness_reports.tables.readings import all_values, by_place

__all__ = ["describe"]

_TRUNCATION = "truncation"
_SHARE = 0.9
"""The share of the rise, from the smallest to the largest radius, whose radius is named."""

_ABOUT = (
    "The model predicts one hidden token of running text, and every token farther away than a radius is "
    "hidden too; positions do not change. Each radius is tested on the same tokens. If accuracy rises from "
    f"the smallest radius to the largest, the text names the radius that reaches {percent(_SHARE)} of the "
    "rise: more context than that changes little. The model was not trained with so many hidden tokens, so "
    "a small radius is harder for it than a short text would be."
)


def describe(study: Study) -> Section | None:
    """The section about all readings of this kind; None when there is none."""
    return describe_readings(study, _TRUNCATION, "Truncated context", _ABOUT, _describe_one)


def _describe_one(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one reading."""
    points = accuracy_points(study, task, _TRUNCATION)
    if points.empty:
        return Section(task, "No answer has a radius.")
    panel = accuracy_panel(study, task, _TRUNCATION, title="Accuracy", x_label="radius in tokens")
    tables = {"accuracy by radius": by_place(points), "accuracy by radius, all values": all_values(points)}
    return Section(
        task,
        _prose(study, task),
        tables,
        reading_figures(
            study, [panel], f"accuracy by the radius of the visible context. {band_note(points)}", task
        ),
    )


def _prose(study: Study, task: str) -> str:
    lines = []
    rows = answers(study, task, _TRUNCATION)
    for label, points in points_by_label(accuracy_points(study, task, _TRUNCATION)):
        at_ends = enumerate_words([f"{value} at radius {radius}" for radius, value in first_and_last(points)])
        line = f"**{escape_markdown(label)}**: accuracy {escape_markdown(at_ends)}"
        rise = _rise(matching(rows, label=label))
        if rise["low"] >= SMALLEST:
            first, last = points["accuracy"].iloc[0], points["accuracy"].iloc[-1]
            enough = points[points["accuracy"] >= first + _SHARE * (last - first)]
            line += f"; radius {enough['bucket'].iloc[0]} reaches {percent(_SHARE)} of the rise"
        elif len(points) > 1:
            change = with_interval(rise["mean"], rise["low"], rise["high"])
            line += f"; the change between the two is {escape_markdown(change)}"
            line += compared_with_zero(rise["low"], rise["high"])
        lines.append(f"{line}.")
    return "\n".join(lines)


def _rise(rows: pd.DataFrame) -> pd.Series[float]:
    """The difference in accuracy between a model's largest and smallest radius, token by token."""
    radius = rows["dependency_length"]
    widest, narrowest = rows[radius == radius.max()], rows[radius == radius.min()]
    return mean_difference(paired(widest, narrowest, "correct")).overall.iloc[0]
