"""Prose, tables and a figure of syntactic-head readings: recall, precision, and the margin over a control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from posharness.contracts import Section
from posharness.contracts.columns import qualified
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.figures.accuracy import band_note
from posharness_reports.figures.differences import difference_panel
from posharness_reports.figures.readings import accuracy_panel, reading_figures
from posharness_reports.formatting import enumerate_words, escape_markdown, span, with_interval
from posharness_reports.measures.paired_differences import (
    PairedDifference,
    accuracy_by_class,
    mean_difference,
    paired,
)
from posharness_reports.sections._readings import (
    accuracy_points,
    answers,
    compared_with_zero,
    describe_readings,
    first_and_last,
    points_by_label,
)
from posharness_reports.study import Study
from posharness_reports.tables.readings import all_values, by_place
from posharness_reports.tables.tidy import folded

__all__ = ["describe"]

_HEAD = "head"
_PREDICTED = qualified(_HEAD, condition="predicted length")
_UNTRAINED = qualified(_HEAD, condition="untrained encoder")
_LENGTH = "arc length in words"
_PARTS = ("train", "validation", "test")
_COUNTED = ("sentences", "words", "arcs")
_FEWEST = {"sentences": 100, "arcs": 500}
"""Of the test part; with fewer, the text says that they are few."""


_ABOUT = (
    "A probe is trained to find the syntactic head of each word from the model's frozen states. It is "
    "tested on a part of the treebank that it was not trained on. *Recall* is shown by the length of the "
    "gold arc, and *precision* by the length of the predicted arc, both in words. A probe can find some "
    "heads from words and positions alone. As a control, the same probe is trained on the same encoder "
    "before any training. The *margin* is what pretraining adds: the difference in recall between the two, "
    "word by word."
)


def describe(study: Study) -> Section | None:
    """The section about all readings of this kind; None when there is none."""
    return describe_readings(study, _HEAD, "Syntactic heads", _ABOUT, _describe_one)


def _describe_one(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one reading."""
    pairs = paired(answers(study, task, _HEAD), answers(study, task, _UNTRAINED), "correct")
    margin = mean_difference(pairs)
    recall, precision, control = (accuracy_points(study, task, o) for o in (_HEAD, _PREDICTED, _UNTRAINED))
    shown = {
        "recall by length of the gold arc": by_place(recall) if len(recall) else recall,
        "recall of the same probe on the untrained encoder": by_place(control) if len(control) else control,
        "margin in recall over the untrained encoder": by_place(margin.points, "mean"),
        "precision by length of the predicted arc": by_place(precision) if len(precision) else precision,
        "recall and margin by relation and side of the head": folded(_by_relation(study, task, pairs)),
        "sentences, words and arcs of each part": folded(_sizes(study, task)),
        "recall, all values": all_values(recall),
        "margin, all values": all_values(margin.points),
    }
    recall_panel = accuracy_panel(study, task, _HEAD, title="Recall by gold length", x_label=_LENGTH)
    if recall_panel is not None and len(control):
        untrained = control[["label", "x", "accuracy"]].rename(columns={"accuracy": "y"})
        recall_panel = replace(recall_panel, ghosts=untrained)
    panels = [
        recall_panel,
        accuracy_panel(study, task, _PREDICTED, title="Precision by predicted length", x_label=_LENGTH),
        difference_panel(
            margin.points, margin.runs, title="Margin in recall", x_label=_LENGTH, y_label="recall"
        ),
    ]
    note = band_note(recall) if len(recall) else ""
    caption = (
        f"heads found by the probe, and its margin over the untrained encoder (grey lines). {note}".rstrip()
    )
    return Section(
        task,
        "\n".join([*_about_test(_sizes(study, task)), _prose(study, task, margin)]),
        {caption: table for caption, table in shown.items() if len(table)},
        reading_figures(study, panels, caption, task),
    )


def _sizes(study: Study, task: str) -> pd.DataFrame:
    """The sentences, words and scored arcs of each part, by model; no row where a cell does not say."""
    cells = matching(study.readings.cells, task=task, status="done")
    rows = [
        {"model": label, "part": part, **{what: sizes[f"{part} {what}"] for what in _COUNTED}}
        for label, sizes in zip(cells["label"], cells.get("sizes", ()), strict=False)
        for part in _PARTS
        if isinstance(sizes, dict) and f"{part} sentences" in sizes
    ]
    return pd.DataFrame(rows).drop_duplicates(ignore_index=True)


def _about_test(sizes: pd.DataFrame) -> list[str]:
    """How large the test part is, and whether that is little, as at most one line."""
    if sizes.empty:
        return []
    test = matching(sizes, part="test")
    few = any((test[what] < fewest).any() for what, fewest in _FEWEST.items())
    remark = ". **That is little**: small differences mean nothing, and long arcs are missing" if few else ""
    return [
        f"The test part has {span(test['sentences'], 'sentence')} and {span(test['arcs'], 'arc')}{remark}."
    ]


def _by_relation(study: Study, task: str, pairs: pd.DataFrame) -> pd.DataFrame:
    """Recall and margin of each label by stratum, with the number of words."""
    recall = accuracy_by_class(answers(study, task, _HEAD), "stratum")
    margins = {
        (row["label"], str(stratum)): _interval(row)
        for (stratum,), rows in grouped(pairs, ["stratum"])
        for row in mean_difference(rows).overall.to_dict("records")
    }
    return pd.DataFrame(
        {
            "model": row["label"],
            "relation": row["stratum"],
            "words": row["pairs"],
            "recall": _interval(row),
            "margin": margins.get((row["label"], row["stratum"]), "–"),
        }
        for row in recall.to_dict("records")
    )


def _prose(study: Study, task: str, margin: PairedDifference) -> str:
    words = answers(study, task, _HEAD).assign(all="all")
    control = answers(study, task, _UNTRAINED).assign(all="all")
    trained, untrained = (accuracy_by_class(rows, "all") for rows in (words, control))
    margins = dict(points_by_label(margin.points))
    lines = []
    for row in trained.to_dict("records"):
        label = row["label"]
        line = f"the probe finds {_interval(row)} of the heads"
        without = matching(untrained, label=label).to_dict("records")
        for base, gain in zip(
            without, matching(margin.overall, label=label).to_dict("records"), strict=False
        ):
            line += f", and {_interval(base)} on the untrained encoder; the margin is {_interval(gain)}"
            line += compared_with_zero(gain["low"], gain["high"])
        if label in margins and len(margins[label]) > 1:
            by_length = [f"{value} at length {n}" for n, value in first_and_last(margins[label], "mean")]
            line += f": {enumerate_words(by_length)}"
        lines.append(f"**{escape_markdown(label)}**: {escape_markdown(line)}.")
    return "\n".join(lines)


def _interval(row: Mapping[Any, Any]) -> str:
    return with_interval(row["mean"], row["low"], row["high"])
