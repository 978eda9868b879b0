"""What is said of the reading of syntactic heads: recall, precision, and the margin over the control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.figures.accuracy import band_note
from posharness_reports.formatting import enumerate_words, escape_markdown, with_interval
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
from posharness_reports.tables.tidy import folded

__all__ = ["HEAD", "describe"]

HEAD = "head"
_PREDICTED, _UNTRAINED = "head (predicted length)", "head (untrained encoder)"
_LENGTH = "arc length in words"


def describe(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one such reading."""
    pairs = paired(answers(study, task, HEAD), answers(study, task, _UNTRAINED), "correct")
    margin = contrast(pairs, task, HEAD, _UNTRAINED)
    recall, precision, control = (accuracy_points(study, task, o) for o in (HEAD, _PREDICTED, _UNTRAINED))
    shown = {
        "recall by length of the gold arc": wide(recall) if len(recall) else recall,
        "recall of the same probe on the untrained encoder": wide(control) if len(control) else control,
        "margin in recall over the untrained encoder": wide(margin.points, "mean"),
        "precision by length of the predicted arc": wide(precision) if len(precision) else precision,
        "recall and margin by relation and side of the head": folded(_by_relation(study, task, pairs)),
        "recall, all values": values(recall),
        "margin, all values": values(margin.points),
    }
    found = accuracy_panel(study, task, HEAD, title="Recall by gold length", x_label=_LENGTH)
    if found is not None and len(control):
        found = replace(found, ghosts=control[["label", "x", "accuracy"]].rename(columns={"accuracy": "y"}))
    panels = [
        found,
        accuracy_panel(study, task, _PREDICTED, title="Precision by predicted length", x_label=_LENGTH),
        contrast_panel(
            margin.points, margin.runs, title="Margin in recall", x_label=_LENGTH, y_label="recall"
        ),
    ]
    note = band_note(recall) if len(recall) else ""
    caption = f"heads that the probe finds, and its margin over the untrained encoder (grey). {note}".rstrip()
    return Section(
        task,
        _prose(study, task, margin),
        {caption: table for caption, table in shown.items() if len(table)},
        drawn(study, panels, caption),
    )


def _by_relation(study: Study, task: str, pairs: pd.DataFrame) -> pd.DataFrame:
    """Recall and margin of each label by stratum, with the number of words."""
    found = averaged(answers(study, task, HEAD), "stratum", task, HEAD)
    margins = {
        (said["label"], str(stratum)): _interval(said)
        for (stratum,), own in grouped(pairs, ["stratum"])
        for said in contrast(own, task, "relation", str(stratum)).overall.to_dict("records")
    }
    return pd.DataFrame(
        {
            "model": row["label"],
            "relation": row["stratum"],
            "words": row["pairs"],
            "recall": _interval(row),
            "margin": margins.get((row["label"], row["stratum"]), "–"),
        }
        for row in found.to_dict("records")
    )


def _prose(study: Study, task: str, margin: Contrast) -> str:
    words = answers(study, task, HEAD).assign(all="all")
    control = answers(study, task, _UNTRAINED).assign(all="all")
    found, untrained = (
        averaged(rows, "all", task, name) for rows, name in ((words, HEAD), (control, "control"))
    )
    margins = dict(points_of(margin.points))
    lines = []
    for row in found.to_dict("records"):
        label = row["label"]
        said = f"the probe finds {_interval(row)} of the heads"
        bare = matching(untrained, label=label).to_dict("records")
        for on, by in zip(bare, matching(margin.overall, label=label).to_dict("records"), strict=False):
            said += f", {_interval(on)} on the untrained encoder: a margin of {_interval(by)}"
            said += verdict(by["low"], by["high"])
        if label in margins and len(margins[label]) > 1:
            by_length = [f"{value} at arcs of {place}" for place, value in at(margins[label], "mean")]
            said += f"; {enumerate_words(by_length)}"
        lines.append(f"**{escape_markdown(label)}**: {escape_markdown(said)}.")
    return "\n".join(lines)


def _interval(row: Mapping[Any, Any]) -> str:
    return with_interval(row["mean"], row["low"], row["high"])
