"""What is said of the reading of nearest copies: accuracy by distance, and the net fall under occlusion."""

from __future__ import annotations

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import matching
from posharness_reports.figures.accuracy import band_note
from posharness_reports.formatting import enumerate_words, escape_markdown, nats
from posharness_reports.measures.paired_differences import Contrast, averaged, contrast, paired
from posharness_reports.sections._readings import (
    accuracy_panel,
    accuracy_points,
    answers,
    at,
    contrast_panel,
    drawn,
    points_of,
    values,
    verdict,
    wide,
)
from posharness_reports.study import Study

__all__ = ["COPY", "describe"]

COPY = "copy"
_OCCLUDED, _OTHER = "copy (occluded)", "copy (other occluded)"
_DISTANCE = "distance of the nearest copy in tokens"


def describe(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one such reading."""
    points = accuracy_points(study, task, COPY)
    net = _fall(study, task, _OTHER, _OCCLUDED)
    tables = {}
    if len(points):
        tables["accuracy by distance of the nearest copy"] = wide(points)
    if len(net.points):
        tables["net fall of log p, in nats, when the copy is replaced"] = wide(net.points, "mean", said=nats)
    without = _without(study, task)
    if len(without):
        tables["accuracy with and without a copy in sight"] = without
    if len(points):
        tables["accuracy, all values"] = values(points)
    if len(net.points):
        falls = [("net", net), *((name, _fall(study, task, COPY, name)) for name in (_OCCLUDED, _OTHER))]
        tables["falls of log p, all values"] = values(_stacked(falls))
    panels = [
        accuracy_panel(study, task, COPY, title="Accuracy", x_label=_DISTANCE),
        contrast_panel(net.points, net.runs, title="Net fall of log p", x_label=_DISTANCE, y_label="nats"),
    ]
    note = band_note(points) if len(points) else ""
    caption = f"accuracy by distance of the nearest copy, and what the copy is worth. {note}".rstrip()
    return Section(task, _prose(study, task, net), tables, drawn(study, panels, caption))


def _fall(study: Study, task: str, whole: str, damaged: str) -> Contrast:
    pairs = paired(answers(study, task, whole), answers(study, task, damaged), "log_prob")
    return contrast(pairs, task, whole, damaged)


def _stacked(falls: list[tuple[str, Contrast]]) -> pd.DataFrame:
    return pd.concat([fall.points.assign(fall=name) for name, fall in falls], ignore_index=True)


def _without(study: Study, task: str) -> pd.DataFrame:
    rows = answers(study, task, COPY)
    rows = rows.assign(copy=["in sight" if d >= 0 else "none" for d in rows["dependency_length"]])
    if rows["copy"].nunique() < 2:
        return rows.head(0)
    return wide(averaged(rows, "copy", task), "mean", "copy")


def _prose(study: Study, task: str, net: Contrast) -> str:
    lines = []
    falls = dict(points_of(net.points))
    for label, own in points_of(accuracy_points(study, task, COPY)):
        said = enumerate_words([f"{value} with a copy at distance {place}" for place, value in at(own)])
        line = f"**{escape_markdown(label)}**: accuracy {escape_markdown(said)}"
        if label in falls:
            worth = enumerate_words(
                [f"{value} at distance {place}" for place, value in at(falls[label], "mean", nats)]
            )
            overall = matching(net.overall, label=label).iloc[0]
            low, high = overall["low"], overall["high"]
            mean = nats(overall["mean"], low, high)
            line += f"; net fall of log p {escape_markdown(mean)} nats over all distances"
            line += f"{verdict(low, high)}; {escape_markdown(worth)}"
        lines.append(f"{line}.")
    return "\n".join(lines)
