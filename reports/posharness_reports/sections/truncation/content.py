"""What is said of the reading by truncation: accuracy by radius, and where it stops rising."""

from __future__ import annotations

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import matching
from posharness_reports.figures.accuracy import band_note
from posharness_reports.formatting import enumerate_words, escape_markdown, with_interval
from posharness_reports.measures.paired_differences import contrast, paired
from posharness_reports.sections._readings import (
    accuracy_panel,
    accuracy_points,
    answers,
    at,
    drawn,
    points_of,
    values,
    verdict,
    wide,
)
from posharness_reports.study import Study

__all__ = ["SHARE", "TRUNCATION", "describe"]

TRUNCATION = "truncation"
SHARE = 0.9
"""Of the rise of accuracy from the smallest to the largest radius."""


def describe(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one such reading."""
    points = accuracy_points(study, task, TRUNCATION)
    if points.empty:
        return Section(task, "No answer has a radius.")
    panel = accuracy_panel(study, task, TRUNCATION, title="Accuracy", x_label="radius in tokens")
    tables = {"accuracy by radius": wide(points), "accuracy by radius, all values": values(points)}
    return Section(
        task,
        _prose(study, task),
        tables,
        drawn(study, [panel], f"accuracy by the radius that is shown. {band_note(points)}"),
    )


def _prose(study: Study, task: str) -> str:
    lines = []
    rows = answers(study, task, TRUNCATION)
    for label, own in points_of(accuracy_points(study, task, TRUNCATION)):
        said = enumerate_words([f"{value} at radius {place}" for place, value in at(own)])
        line = f"**{escape_markdown(label)}**: accuracy {escape_markdown(said)}"
        rise = _rise(matching(rows, label=label), task)
        if rise["low"] > 0:
            first, last = own["accuracy"].iloc[0], own["accuracy"].iloc[-1]
            enough = own[own["accuracy"] >= first + SHARE * (last - first)]
            line += f"; {100 * SHARE:.0f} % of the rise is there at radius {enough['bucket'].iloc[0]}"
        elif len(own) > 1:
            changed = with_interval(rise["mean"], rise["low"], rise["high"])
            line += f"; from the one to the other it changes by {escape_markdown(changed)}"
            line += verdict(rise["low"], rise["high"])
        lines.append(f"{line}.")
    return "\n".join(lines)


def _rise(rows: pd.DataFrame, task: str) -> pd.Series[float]:
    """How much more is right at a model's largest radius than at its smallest, token by token."""
    radius = rows["dependency_length"]
    widest, narrowest = rows[radius == radius.max()], rows[radius == radius.min()]
    return contrast(paired(widest, narrowest, "correct"), task, "rise").overall.iloc[0]
