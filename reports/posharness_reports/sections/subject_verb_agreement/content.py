"""Prose, tables and a figure of agreement readings: accuracy by distance and by attractors, with counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import matching
from posharness_reports.figures.accuracy import band_note
from posharness_reports.figures.readings import accuracy_panel, reading_figures
from posharness_reports.formatting import count, escape_markdown, fraction, with_interval
from posharness_reports.measures.paired_differences import accuracy_by_class
from posharness_reports.sections._readings import accuracy_points, answers, describe_readings
from posharness_reports.study import Study
from posharness_reports.tables.readings import all_values

__all__ = ["describe"]

_AGREEMENT = "agreement"
_DISTANCE = "distance of the subject in words"


_ABOUT = (
    "A finite verb of the treebank is hidden, and the model compares its singular and its plural form. The "
    "answer is correct when the model gives the form in the text the higher probability. The distance is "
    "the number of words to the subject. An attractor is a noun between the two that has the other number. "
    "Chance is the share of the more frequent number among all tested verbs. Long distances and attractors "
    "are rare in running text: the counts say how many verbs each accuracy is based on."
)


def describe(study: Study) -> Section | None:
    """The section about all readings of this kind; None when there is none."""
    return describe_readings(study, _AGREEMENT, "Subject–verb agreement", _ABOUT, _describe_one)


def _describe_one(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one reading."""
    rows = answers(study, task, _AGREEMENT)
    points = accuracy_points(study, task, _AGREEMENT)
    attractors = accuracy_by_class(rows, "stratum").rename(columns={"stratum": "bucket"})
    attractors = attractors.rename(columns={"mean": "accuracy", "pairs": "predictions"})
    shown = {
        "accuracy by distance of the subject": _with_counts(points.sort_values("x", kind="stable")),
        "accuracy by number of attractors": _with_counts(attractors),
        "accuracy by distance of the subject, all values": all_values(points),
    }
    panel = accuracy_panel(study, task, _AGREEMENT, title="Accuracy", x_label=_DISTANCE)
    note = band_note(points) if len(points) else ""
    return Section(
        task,
        _prose(rows, attractors),
        {caption: table for caption, table in shown.items() if len(table)},
        reading_figures(study, [panel], f"accuracy by distance of the subject. {note}".rstrip(), task),
    )


def _with_counts(points: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by place and model, with chance and the number of verbs in one run at each place."""
    if points.empty:
        return points
    shown = [with_interval(*row) for row in points[["accuracy", "low", "high"]].itertuples(index=False)]
    places = list(dict.fromkeys(points["bucket"]))
    table = points.assign(shown=shown).pivot_table("shown", "bucket", "label", aggfunc="first", observed=True)
    each = (points["predictions"] / points["seeds"]).groupby(points["bucket"])
    least, most = each.min().round().astype(int), each.max().round().astype(int)
    verbs = [_range(str(a), str(b)) for a, b in zip(least[places], most[places], strict=True)]
    table = table.reindex(places).fillna("–").rename_axis(index=None, columns=None)
    table.insert(0, "verbs in a run", verbs)
    rates = points["chance"].map(fraction).groupby(points["bucket"])
    table.insert(
        0, "chance", [_range(a, b) for a, b in zip(rates.min()[places], rates.max()[places], strict=True)]
    )
    return table.reset_index(names="")


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least}–{most}"


def _prose(rows: pd.DataFrame, attractors: pd.DataFrame) -> str:
    lines = []
    for row in accuracy_by_class(rows.assign(all="all"), "all").to_dict("records"):
        verbs = count(round(row["pairs"] / row["seeds"]), "verb")
        line = f"{_accuracy(row, 'mean')} of {verbs} correct; chance is {fraction(row['chance'])}"
        classes = matching(attractors, label=row["label"]).to_dict("records")
        parts = [
            f"{_accuracy(each, 'accuracy')} with {each['bucket']} "
            f"({count(round(each['predictions'] / each['seeds']), 'verb')})"
            for each in classes
        ]
        line += f"; {', '.join(parts)}" if len(parts) > 1 else ""
        lines.append(f"**{escape_markdown(row['label'])}**: {escape_markdown(line)}.")
    return "\n".join(lines)


def _accuracy(row: Mapping[Any, Any], name: str) -> str:
    return with_interval(row[name], row["low"], row["high"])
