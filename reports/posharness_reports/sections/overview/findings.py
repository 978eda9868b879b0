"""Findings: how far each encoding carries information, in sentences made from the numbers."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.formatting import count, enumerate_words, fraction, percent, reach, span
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.study import Study

__all__ = ["by_task", "cell_counts", "effective_lengths", "finding"]

_NAMED = 6


def by_task(study: Study) -> list[str]:
    """A finding for each task and objective whose predictions have a distance."""
    keys = (key for key, _ in grouped(effective_lengths(study), ["task", "objective"]))
    return [finding(study, task, objective, named=_NAMED) for task, objective in keys]


def cell_counts(study: Study) -> str:
    """The number of cells by status: "12 cells: 10 done, 2 diverged"."""
    counts = Counter(study.cells["status"])
    ordered = sorted(counts.items(), key=lambda item: (item[0] != "done", item[0]))
    return f"{count(len(study.cells), 'cell')}: " + ", ".join(f"{n} {status}" for status, n in ordered)


def effective_lengths(study: Study) -> pd.DataFrame:
    """The effective dependency length of each label at the training length, as in `Measured.reach`."""
    return matching(study.by_distance.reach, scope=SCOPES[0])


def finding(study: Study, task: str, objective: str, *, named: int) -> str:
    """How far each encoding carries information on one task and objective.

    Args:
        named: the number of lengths that are named, and of labels for each; the others are counted.
    """
    rows = matching(effective_lengths(study), task=task, objective=objective)
    rows = rows.sort_values(["reach", "mean"], ascending=False, kind="stable")
    points = matching(study.by_distance.points, task=task, objective=objective, scope=SCOPES[0])
    seeds = span(points["seeds"].astype(int), "seed")
    name = title(task, objective, study.cells)
    if rows["reach"].max() == 0:
        best, worst = rows.iloc[0], rows.iloc[-1]  # all lengths are 0, so the mean accuracy sorts them
        means = f"{fraction(best['mean'])} with {best['label']}"
        if len(rows) > 1:
            means += f" and {fraction(worst['mean'])} with {worst['label']}"
        return (
            f"On {name}, no encoding reaches {percent(rows['threshold'].iloc[0])} of the way from chance to "
            f"perfect, not even at the shortest distance; the mean accuracy over distances is {means} "
            f"({seeds})."
        )
    labels_by_length: dict[str, list[str]] = {}
    for label, *ends in rows[["label", "reach", "low", "high", "longest"]].itertuples(index=False):
        labels_by_length.setdefault(reach(*ends), []).append(label)
    return f"On {name}, information carries {_ranked(labels_by_length, named)} ({seeds})."


def _ranked(labels_by_length: dict[str, list[str]], named: int) -> str:
    """Lengths with their labels, longest first; past `named` lengths, those in between are counted."""
    parts = [
        f"over {_in_tokens(length)} with {enumerate_words(_first_labels(labels, named))}"
        for length, labels in labels_by_length.items()
    ]
    if len(parts) > named:
        others = sum(map(len, list(labels_by_length.values())[named - 1 : -1]))
        parts[named - 1 : -1] = [f"{count(others, 'other')} in between"]
    return "; ".join(parts)


def _in_tokens(length: str) -> str:
    """A length with its unit: "8.2 tokens [0, 8.9]"."""
    number, bracket, ends = length.partition(" [")
    return f"{number} {'token' if number == '1' else 'tokens'}{bracket}{ends}"


def _first_labels(labels: list[str], named: int) -> list[str]:
    """At most `named` entries: the first labels, then the number of the others."""
    if len(labels) <= named:
        return labels
    return [*labels[: named - 1], count(len(labels) - named + 1, "other")]
