"""What the sections on readings share: selecting the answers, and putting results into words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.formatting import Format, count, escape_markdown, with_interval
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.study import Study

__all__ = [
    "SMALLEST",
    "SMALLEST_NATS",
    "accuracy_points",
    "answers",
    "compared_with_zero",
    "describe_readings",
    "first_and_last",
    "join_readings",
    "points_by_label",
]

SMALLEST, SMALLEST_NATS = 0.01, 0.05
"""The smallest difference that matters, of accuracies and of log-probabilities in nats."""

_MOST_NAMED = 6
"""The number of models that get a sentence each; the tables hold all of them."""


def answers(study: Study, task: str, objective: str) -> pd.DataFrame:
    """The answers of one reading to one objective."""
    rows: pd.DataFrame = matching(study.readings.predictions, task=task, objective=objective)
    return rows


def accuracy_points(study: Study, task: str, objective: str) -> pd.DataFrame:
    """Accuracy by distance of one reading and objective, as in `Measured.points`."""
    points: pd.DataFrame = matching(
        study.readings.by_distance.points, task=task, objective=objective, scope=SCOPES[0]
    )
    return points


def points_by_label(points: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The points of each label, the shortest distance first."""
    for (label,), rows in grouped(points, ["label"]):
        yield str(label), rows.sort_values("x", kind="stable") if "x" in rows else rows


def first_and_last(
    points: pd.DataFrame, value: str = "accuracy", write: Format = with_interval
) -> Iterator[tuple[str, str]]:
    """The name of the bucket and the value of the first and the last of a label's points."""
    for i in (0, -1)[: len(points)]:
        row = points.iloc[i]
        single = " (n = 1)" if row.get("pairs") == 1 else ""
        yield str(row["bucket"]), write(row[value], row["low"], row["high"]) + single


def compared_with_zero(low: float, high: float, smallest: float = SMALLEST) -> str:
    """Whether an interval is above or below 0 by an amount that matters, as a clause.

    Args:
        smallest: the smallest amount that matters.
    """
    if low >= smallest:
        return ", above 0"
    if high <= -smallest:
        return ", below 0"
    # An interval without a width comes from answers that all agree, which proves nothing.
    if -smallest < low < high < smallest:
        return ", too small to matter"
    if low > 0 or high < 0:
        return ", not distinguishable from what is too small to matter"
    return ", not distinguishable from 0"


def describe_readings(
    study: Study, objective: str, title: str, about: str, describe_one: Callable[[Study, str], Section]
) -> Section | None:
    """One section about all readings that have answers to an objective; None when there is none.

    Args:
        about: how to read the section.
        describe_one: prose, tables and figures of the reading of this name; see `join_readings`.
    """
    rows = matching(study.readings.predictions, objective=objective)
    readings = sorted(set(rows["task"].astype(str)))
    return join_readings(title, about, {task: describe_one(study, task) for task in readings})


def join_readings(title: str, about: str, parts: Mapping[str, Section]) -> Section | None:
    """One section about several readings of one kind; None when there is none.

    Args:
        about: how to read the section.
        parts: a section for each reading; its prose has one sentence a line.
    """
    if not parts:
        return None
    prose = [about]
    for task, part in parts.items():
        lines = part.prose.splitlines()
        points = [f"- {line}" for line in lines[:_MOST_NAMED]]
        if len(lines) > _MOST_NAMED:
            points.append(f"- {count(len(lines) - _MOST_NAMED, 'more model')} in the tables.")
        heading = [f"{escape_markdown(task)}:"] if len(parts) > 1 else []
        prose += [*heading, "\n".join(points)]
    return Section(
        title,
        "\n\n".join(filter(None, prose)),
        {f"{task}: {caption}": t for task, part in parts.items() for caption, t in part.tables.items()},
        {f"{task}: {caption}": f for task, part in parts.items() for caption, f in part.figures.items()},
    )
