"""What is said of the reading of subject–verb agreement: by distance and by attractors, with counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import matching
from posharness_reports.figures.accuracy import band_note
from posharness_reports.formatting import count, escape_markdown, fraction, with_interval
from posharness_reports.measures.paired_differences import averaged
from posharness_reports.sections._readings import accuracy_panel, accuracy_points, answers, drawn, values
from posharness_reports.study import Study

__all__ = ["AGREEMENT", "describe"]

AGREEMENT = "agreement"
_DISTANCE = "distance of the subject in words"


def describe(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one such reading."""
    rows = answers(study, task, AGREEMENT)
    points = accuracy_points(study, task, AGREEMENT)
    attractors = averaged(rows, "stratum", task, "attractors").rename(columns={"stratum": "bucket"})
    attractors = attractors.rename(columns={"mean": "accuracy", "pairs": "predictions"})
    shown = {
        "accuracy by distance of the subject": _counted(points.sort_values("x", kind="stable")),
        "accuracy by number of attractors": _counted(attractors),
        "accuracy by distance of the subject, all values": values(points),
    }
    panel = accuracy_panel(study, task, AGREEMENT, title="Accuracy", x_label=_DISTANCE)
    note = band_note(points) if len(points) else ""
    return Section(
        task,
        _prose(task, rows, attractors),
        {caption: table for caption, table in shown.items() if len(table)},
        drawn(study, [panel], f"accuracy by distance of the subject. {note}".rstrip()),
    )


def _counted(points: pd.DataFrame) -> pd.DataFrame:
    """Places by model, with the number of verbs of one run at each, which is nearly the same for all."""
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


def _prose(task: str, rows: pd.DataFrame, attractors: pd.DataFrame) -> str:
    lines = []
    for row in averaged(rows.assign(all="all"), "all", task, "all").to_dict("records"):
        verbs = count(round(row["pairs"] / row["seeds"]), "verb")
        said = f"{_accuracy(row, 'mean')} of {verbs} at chance {fraction(row['chance'])}"
        classes = matching(attractors, label=row["label"]).to_dict("records")
        parts = [
            f"{_accuracy(own, 'accuracy')} with {own['bucket']} "
            f"({count(round(own['predictions'] / own['seeds']), 'verb')})"
            for own in classes
        ]
        said += f"; {', '.join(parts)}" if len(parts) > 1 else ""
        lines.append(f"**{escape_markdown(row['label'])}**: {escape_markdown(said)}.")
    return "\n".join(lines)


def _accuracy(row: Mapping[Any, Any], name: str) -> str:
    return with_interval(row[name], row["low"], row["high"])
