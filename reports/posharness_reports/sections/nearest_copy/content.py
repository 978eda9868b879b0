"""Prose, tables and a figure of nearest-copy readings: accuracy by distance, and the net drop of log p."""

from __future__ import annotations

import pandas as pd

from posharness.contracts import Section
from posharness.contracts.columns import qualified
from posharness_reports.data.grouping import matching
from posharness_reports.figures.accuracy import band_note
from posharness_reports.figures.differences import difference_panel
from posharness_reports.figures.readings import accuracy_panel, reading_figures
from posharness_reports.formatting import enumerate_words, escape_markdown, nats
from posharness_reports.measures.paired_differences import (
    PairedDifference,
    accuracy_by_class,
    mean_difference,
    paired,
)
from posharness_reports.sections._readings import (
    SMALLEST_NATS,
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

_COPY = "copy"
_OCCLUDED, _OTHER = (qualified(_COPY, condition=each) for each in ("occluded", "other occluded"))
_DISTANCE = "distance of the nearest copy in tokens"


_ABOUT = (
    "One token of running text is hidden, and the pretrained model predicts it. The distance is that of the "
    "nearest visible copy of the token. Frequent tokens have copies nearby, so accuracy by distance also "
    "depends on how easy the words are. Occlusion avoids this: once the copy is replaced by a random token, "
    "and once, as a control, another token about as far away. The *net drop* compares the two: how many "
    "nats more the log-probability of the hidden token drops when the copy is replaced than when the other "
    "token is."
)


def describe(study: Study) -> Section | None:
    """The section about all readings of this kind; None when there is none."""
    return describe_readings(study, _COPY, "Nearest copy", _ABOUT, _describe_one)


def _describe_one(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one reading."""
    points = accuracy_points(study, task, _COPY)
    net = _drop(study, task, _OTHER, _OCCLUDED)
    tables = {}
    if len(points):
        tables["accuracy by distance of the nearest copy"] = by_place(points)
    if len(net.points):
        tables["net drop of log p in nats, when the copy is replaced"] = by_place(
            net.points, "mean", write=nats
        )
    without = _without(study, task)
    if len(without):
        tables["accuracy with and without a visible copy"] = without
    if len(points):
        tables["accuracy, all values"] = all_values(points)
    if len(net.points):
        drops = [("net", net), *((name, _drop(study, task, _COPY, name)) for name in (_OCCLUDED, _OTHER))]
        tables["drops of log p, all values"] = all_values(_stacked(drops))
    panels = [
        accuracy_panel(study, task, _COPY, title="Accuracy", x_label=_DISTANCE),
        difference_panel(net.points, net.runs, title="Net drop of log p", x_label=_DISTANCE, y_label="nats"),
    ]
    note = band_note(points) if len(points) else ""
    caption = "accuracy by distance of the nearest copy, and the net drop of log p when the copy is replaced."
    caption = f"{caption} {note}".rstrip()
    return Section(task, _prose(study, task, net), tables, reading_figures(study, panels, caption, task))


def _drop(study: Study, task: str, whole: str, damaged: str) -> PairedDifference:
    pairs = paired(answers(study, task, whole), answers(study, task, damaged), "log_prob")
    return mean_difference(pairs)


def _stacked(drops: list[tuple[str, PairedDifference]]) -> pd.DataFrame:
    return pd.concat([drop.points.assign(drop=name) for name, drop in drops], ignore_index=True)


def _without(study: Study, task: str) -> pd.DataFrame:
    rows = answers(study, task, _COPY)
    rows = rows.assign(copy=["visible" if d >= 0 else "none" for d in rows["dependency_length"]])
    if rows["copy"].nunique() < 2:
        return rows.head(0)
    return by_place(accuracy_by_class(rows, "copy"), "mean", "copy")


def _prose(study: Study, task: str, net: PairedDifference) -> str:
    lines = []
    drops = dict(points_by_label(net.points))
    for label, points in points_by_label(accuracy_points(study, task, _COPY)):
        accuracy = enumerate_words(
            [f"{value} with a copy at distance {distance}" for distance, value in first_and_last(points)]
        )
        line = f"**{escape_markdown(label)}**: accuracy {escape_markdown(accuracy)}"
        if label in drops:
            by_distance = enumerate_words(
                [f"{value} at distance {d}" for d, value in first_and_last(drops[label], "mean", nats)]
            )
            overall = matching(net.overall, label=label).iloc[0]
            low, high = overall["low"], overall["high"]
            mean = nats(overall["mean"], low, high)
            line += f"; net drop of log p {escape_markdown(mean)} nats over all distances"
            line += f"{compared_with_zero(low, high, SMALLEST_NATS)}; {escape_markdown(by_distance)}"
        lines.append(f"{line}.")
    return "\n".join(lines)
