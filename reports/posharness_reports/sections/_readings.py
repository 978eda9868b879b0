"""What the sections on readings share: which there are, how they are drawn, and their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.figures.accuracy import distance_panel, log_spaced
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import CROWD, Panel, beside, one_each
from posharness_reports.formatting import count, escape_markdown, with_interval
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.study import Study
from posharness_reports.tables.tidy import tidy

__all__ = [
    "NAMED",
    "Said",
    "accuracy_panel",
    "accuracy_points",
    "answers",
    "at",
    "contrast_panel",
    "drawn",
    "joined",
    "points_of",
    "tasks",
    "values",
    "verdict",
    "wide",
]

Said = Callable[[float, float, float], str]
"""Writes a mean, with the low and the high end of its interval."""

NAMED = 6
"""So many models get a sentence of their own; the others stand in the tables."""


def tasks(study: Study, objective: str) -> list[str]:
    """The readings that answer an objective."""
    rows = matching(study.readings.predictions, objective=objective)
    return sorted(set(rows["task"].astype(str)))


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


def accuracy_panel(study: Study, task: str, objective: str, *, title: str, x_label: str) -> Panel | None:
    """Accuracy by distance; None where no answer has a distance."""
    if accuracy_points(study, task, objective).empty:
        return None
    drawn = distance_panel(study.readings.by_distance, (task, objective, SCOPES[0]), study.readings.cells)
    return replace(drawn, title=title, subtitle="", x_label=x_label)


def contrast_panel(
    points: pd.DataFrame, runs: pd.DataFrame, *, title: str, x_label: str, y_label: str
) -> Panel | None:
    """A mean difference by distance, over a dashed line at 0; None where none has a distance."""
    if points.empty:
        return None
    places = points["x"].drop_duplicates()
    return Panel(
        title=title,
        lines=points[["label", "x", "mean", "low", "high"]].rename(columns={"mean": "y"}),
        dots=runs[["label", "x", "mean"]].rename(columns={"mean": "y"}),
        chance=pd.DataFrame({"x": [places.min(), places.max()], "y": [0.0, 0.0]}),
        chance_name="0",
        ticks=dict(zip(points["x"], points["bucket"].str.replace("–", "-"), strict=True)),
        log=log_spaced(places),
        x_label=x_label,
        y_label=y_label,
    )


def drawn(study: Study, panels: Sequence[Panel | None], caption: str) -> dict[str, Figure]:
    """Panels side by side; where too many models would share one, each panel by itself, once a model."""
    found = [panel for panel in panels if panel is not None]
    seen = looks(study.trained.labels, study.readings.labels)
    if not found:
        return {}
    if max(len(panel.labels) for panel in found) <= CROWD:
        return {caption: beside([found], seen)}
    return {
        f"{panel.title}, one by one. {caption} Grey: the others.": one_each(panel, seen, panel.labels)
        for panel in found
    }


def wide(
    points: pd.DataFrame, value: str = "accuracy", column: str = "bucket", said: Said = with_interval
) -> pd.DataFrame:
    """Models by place, each field a mean with its interval."""
    ordered = points.sort_values("x", kind="stable") if "x" in points else points
    places = list(dict.fromkeys(ordered[column]))
    shown = [said(*row) for row in points[[value, "low", "high"]].itertuples(index=False)]
    table = points.assign(shown=shown).pivot_table("shown", "label", column, aggfunc="first", observed=True)
    table = table.reindex(columns=places).sort_index().fillna("–")
    return table.rename_axis(index="model", columns=None).reset_index()


def values(points: pd.DataFrame) -> pd.DataFrame:
    """All measured values of a reading, under the names that readers of its CSV file meet."""
    plain = points.drop(columns=["task", "objective", "scope", "lengths", "distance"], errors="ignore")
    return tidy(plain.rename(columns={"label": "model", "mean": "mean_difference"}))


def at(
    points: pd.DataFrame, value: str = "accuracy", said: Said = with_interval
) -> Iterator[tuple[str, str]]:
    """The first and the last of a label's points: name of the place, and what was measured there."""
    for i in (0, -1)[: len(points)]:
        row = points.iloc[i]
        alone = " (n = 1)" if row.get("pairs") == 1 else ""
        yield str(row["bucket"]), said(row[value], row["low"], row["high"]) + alone


def verdict(low: float, high: float) -> str:
    """Where a difference stands by its interval, as a clause."""
    if low > 0:
        return ", above 0"
    return ", below 0" if high < 0 else ", which cannot be told from 0"


def points_of(points: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each label's points, nearest first."""
    for (label,), own in grouped(points, ["label"]):
        yield str(label), own.sort_values("x", kind="stable") if "x" in own else own


def joined(title: str, about: str, pieces: Mapping[str, Section]) -> Section | None:
    """One section of the pieces of several readings of one kind; None without any.

    Args:
        about: how to read it.
        pieces: by the reading; each with a list of sentences as its prose.
    """
    if not pieces:
        return None
    prose = [about]
    for task, piece in pieces.items():
        lines = piece.prose.splitlines()
        shown = [f"- {line}" for line in lines[:NAMED]]
        if left := len(lines) - NAMED:
            shown += [f"- {count(left, 'more model')} in the tables."] if left > 0 else []
        heading = [f"{escape_markdown(task)}:"] if len(pieces) > 1 else []
        prose += [*heading, "\n".join(shown)]
    return Section(
        title,
        "\n\n".join(filter(None, prose)),
        {f"{task}: {caption}": t for task, piece in pieces.items() for caption, t in piece.tables.items()},
        {f"{task}: {caption}": f for task, piece in pieces.items() for caption, f in piece.figures.items()},
    )
