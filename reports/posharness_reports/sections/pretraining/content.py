"""Prose, tables and figures of tasks with several objectives: loss, accuracy and chance of each."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pandas as pd

from posharness.contracts import Chart, Section
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.figures.accuracy import distance_panel
from posharness_reports.figures.learning import curve_panel, run_values
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import MOST_SHARED, Panel, side_by_side
from posharness_reports.figures.sentences import fell
from posharness_reports.formatting import count, escape_markdown, fraction, with_interval
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.study import Study
from posharness_reports.tables.learning import curve_summary

__all__ = ["describe", "objectives", "tasks"]

_NAMED = 6


def describe(study: Study) -> Section | None:
    """The section; None when no task with several objectives was trained."""
    parts = [describe_task(study, task) for task in tasks(study)]
    if not parts:
        return None
    is_bert = all("mlm" in objectives(study, task) for task in tasks(study))
    return Section(
        "BERT pretraining" if is_bert else "Tasks with several objectives",
        "\n\n".join(part.prose for part in parts),
        {caption: table for part in parts for caption, table in part.tables.items()},
        {caption: figure for part in parts for caption, figure in part.figures.items()},
    )


def tasks(study: Study) -> list[str]:
    """The tasks with several objectives that were trained."""
    trained = set(study.curves["task"].astype(str)) | set(study.predictions["task"].astype(str))
    return [task for task in sorted(trained) if len(objectives(study, task)) > 1]


def objectives(study: Study, task: str) -> list[str]:
    """The objectives that a task is trained on, in the order of the task."""
    stated = chain(*study.cells.loc[study.cells["task"] == task, "objectives"])
    # What is tested beside them, such as decoding free-running, has no curve.
    trained = set(matching(study.curves, task=task)["objective"])
    return [name for name in dict.fromkeys(stated) if name in trained]


def describe_task(study: Study, task: str) -> Section:
    """Prose, tables and a figure of one task."""
    table = _table(study, task)
    shown = {f"{task}: loss and accuracy of each objective": table}
    if len(sources := _sources(study, task)):
        shown[f"{task}: accuracy with and without another occurrence of the token"] = sources
    return Section(task, _prose(task, table), shown, _figures(study, task))


def _table(study: Study, task: str) -> pd.DataFrame:
    """A row for each objective and label: first and last loss, test accuracy and chance."""
    points, _ = study.by_length
    defined = matching(points, task=task, undefined=False)
    summaries = curve_summary(matching(study.curves, task=task))
    rows = []
    for objective in objectives(study, task):
        for label in study.labels:
            curves = matching(summaries, objective=objective, encoding=label)
            tested = matching(defined, objective=objective, label=label)
            if curves.empty and tested.empty:
                continue
            point = tested[tested["length"] == tested["train_length"]].iloc[:1]
            validated = "validation_" if curves["first_validation_loss"].notna().any() else ""
            rows.append(
                {
                    "objective": objective,
                    "encoding": label,
                    "seeds": int(point["seeds"].iloc[0]) if len(point) else 0,
                    "first loss": curves[f"first_{validated}loss"].mean(),
                    "last loss": curves[f"last_{validated}loss"].mean(),
                    "test cross-entropy": _cross_entropy(study, task, objective, label),
                    "test accuracy": with_interval(*point[["accuracy", "low", "high"]].iloc[0])
                    if len(point)
                    else "–",
                    "chance (majority rate)": point["chance"].mean(),
                }
            )
    return pd.DataFrame(rows)


def _cross_entropy(study: Study, task: str, objective: str, label: str) -> float:
    rows = matching(study.predictions, split="test", task=task, objective=objective, label=label)
    return float(-rows["log_prob"].astype(float).mean())


def _sources(study: Study, task: str) -> pd.DataFrame:
    """Accuracy of predictions with and without a distance, for objectives that have both."""
    rows = matching(study.predictions, split="test", task=task)
    rows = rows.assign(source=np.where(rows["dependency_length"] >= 0, "with another", "without another"))
    both = rows.groupby("objective", observed=True)["source"].nunique()
    rows = rows[rows["objective"].isin(both[both > 1].index)]
    if rows.empty:
        return pd.DataFrame()
    each = rows.groupby(["objective", "label", "source", "seed"], observed=True)["correct"].mean()
    # The mean of the runs' accuracies: each run counts once.
    table = each.reset_index().pivot_table("correct", ["objective", "label"], "source", observed=True)
    return table.rename_axis(columns=None).reset_index().rename(columns={"label": "encoding"})


def _prose(task: str, table: pd.DataFrame) -> str:
    """A point for each objective: loss and test accuracy, the lowest losses first, and chance."""
    points = []
    for objective, rows in table.groupby("objective", sort=False):
        fell = int((rows["last loss"] < rows["first loss"]).sum())
        clauses = [f"the loss fell with {fell} of {count(len(rows), 'encoding')}"]
        for _, row in rows.sort_values("last loss", kind="stable").head(_NAMED).iterrows():
            loss = f"loss {row['first loss']:.2f} to {row['last loss']:.2f}"
            tested = "" if row["test accuracy"] == "–" else f", test accuracy {row['test accuracy']}"
            clauses.append(f"{escape_markdown(row['encoding'])} {loss}{escape_markdown(tested)}")
        if rows["chance (majority rate)"].notna().any():
            rate = rows["chance (majority rate)"].mean()
            clauses.append(f"always giving the most frequent answer scores {fraction(rate)}")
        points.append(f"- **{escape_markdown(str(objective))}**: {'; '.join(clauses)}.")
    heading = f"{escape_markdown(task)} is trained on {len(points)} objectives together."
    return heading + "\n\n" + "\n".join(points)


def _figures(study: Study, task: str) -> dict[str, Chart]:
    """A row for each objective: its loss, and its accuracy by distance or, without distances, by step."""
    grid = []
    data = []
    for objective in objectives(study, task):
        curves = matching(study.curves, task=task, objective=objective)
        validated = np.isfinite(curves["validation_loss"].astype(float)).any()
        column = "validation_loss" if validated else "train_loss"
        loss = curve_panel(curves, column, f"{task}: {objective}")
        values = run_values(curves, objective)
        data.append(values.assign(loss=values[column]))
        grid.append(
            [panel for panel in (loss, _accuracy(study, task, objective, curves)) if len(panel.lines)]
        )
    grid = [row for row in grid if row]
    # With more labels, the figures of the sections on accuracy and learning show the same and stay readable.
    if not grid or len(study.labels) > MOST_SHARED:
        return {}
    caption = (
        f"{task}: the loss of each objective, and its accuracy by distance or, without distances, by step. "
        "By step: one line per run. By distance: the mean over seeds with a 95 % band, and one "
        "dot per seed. Grey dotted line: the accuracy of always giving the most frequent answer."
    )
    values = pd.concat(data, ignore_index=True)
    figure = side_by_side(grid, looks(study.labels))
    return {caption: Chart(f"objectives-{task}", figure, values, _says)}


def _says(values: pd.DataFrame) -> str:
    return fell(values, "loss", "loss")


def _accuracy(study: Study, task: str, objective: str, curves: pd.DataFrame) -> Panel:
    measured = study.by_distance
    key = (task, objective, SCOPES[0])
    if key in {summaries for summaries, _ in grouped(measured.points, ["task", "objective", "scope"])}:
        return distance_panel(measured, key, study.cells)
    panel = curve_panel(curves, "validation_score", f"{task}: {objective}")
    points = matching(study.by_length[0], task=task, objective=objective)
    if points.empty or panel.lines.empty:
        return panel
    rate = points["chance"].mean()
    ends_at = panel.lines["x"].max()
    return replace(
        panel, chance=pd.DataFrame({"x": [0, ends_at], "y": [rate, rate]}), chance_name="majority rate"
    )
