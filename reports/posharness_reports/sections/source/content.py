"""Prose, tables and figures of the answers to sequences whose source was changed."""

from __future__ import annotations

import pandas as pd

from posharness.contracts import Chart, Section
from posharness.contracts.columns import OUTCOMES
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.figures.accuracy import band_note
from posharness_reports.figures.heatmap import FIELDS, heatmap
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import ACCURACY, MOST_SHARED, Panel, log_spaced, side_by_side
from posharness_reports.figures.sentences import kept
from posharness_reports.formatting import with_interval
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.outcomes import FOLLOWED
from posharness_reports.study import Study
from posharness_reports.tables.tidy import tidy

__all__ = ["describe"]

_ABOUT = (
    "Accuracy by dependency length means what its axis says only if answers come from the source. Therefore "
    "the first test sequences are asked again with the farthest source changed, so that another answer is "
    "right, and nothing else. An answer has *followed* if it is the new right one, is *kept* if it is the "
    "one that was given before the change, and *broke* if it is neither. Then everything that is no source "
    "is changed instead: an answer is *unchanged* if it is right as before, or wrong as before. An "
    "encoding that solves a task and seldom follows has found its answers somewhere else."
)


def describe(study: Study) -> Section | None:
    """The section; None when no task has interventions."""
    found = study.outcomes
    if found.points.empty:
        return None
    tables = {"Answers after a change, over all distances": _overall(study)}
    for (task, objective, scope), rows in grouped(
        matching(found.points, change="source"), ["task", "objective", "scope"]
    ):
        name = title(task, objective, study.cells)
        tables[f"{name}: answers that follow their source, by dependency length, {scope}"] = _wide(
            matching(rows, outcome=FOLLOWED)
        )
    tables["Answers after a change, all values"] = tidy(found.points)
    return Section("Does it depend on its source?", _ABOUT, tables, _figures(study))


def _overall(study: Study) -> pd.DataFrame:
    """A row for each task, objective, scope and label, and a column for each share."""
    rows = study.outcomes.overall
    shown = [with_interval(*row) for row in rows[["share", "low", "high"]].itertuples(index=False)]
    names = [title(t, o, study.cells) for t, o in zip(rows["task"], rows["objective"], strict=True)]
    rows = rows.assign(shown=shown, name=names, column=rows["outcome"] + " (" + rows["change"] + ")")
    columns = list(dict.fromkeys(rows["column"]))
    table = rows.pivot_table("shown", ["name", "scope", "label"], "column", aggfunc="first", observed=True)
    table = table.reindex(columns=columns).fillna("–").reset_index().rename_axis(columns=None)
    return table.rename(columns={"name": "task", "scope": "sequences", "label": "encoding"})


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    shown = [with_interval(*row) for row in rows[["share", "low", "high"]].itertuples(index=False)]
    places = list(dict.fromkeys(rows.sort_values("x")["bucket"]))
    table = rows.assign(shown=shown).pivot_table("shown", "label", "bucket", aggfunc="first", observed=True)
    table = table.reindex(columns=places).sort_index().fillna("–")
    return table.rename_axis(index="encoding", columns=None).reset_index()


def _figures(study: Study) -> dict[str, Chart]:
    """For each task and scope a row of panels: followed, kept and broke; a heatmap for many labels."""
    points = matching(study.outcomes.points, change="source")
    styles = looks(study.cells["label"])
    charts: dict[str, Chart] = {}
    shared: list[list[Panel]] = []
    data: list[pd.DataFrame] = []
    for key, rows in grouped(points, ["task", "objective", "scope"]):
        panels = [_panel(study, key, matching(rows, outcome=outcome)) for outcome in OUTCOMES]
        labels = panels[0].labels
        where = f"{panels[0].title}, {key[2]}"
        bands = matching(rows, outcome=FOLLOWED)
        bands = bands[["label", "x", "low", "high", "seeds"]].assign(at=bands["bucket"], place=where)
        if len(labels) <= MOST_SHARED:
            shared.append(panels)
            data.append(bands)
            continue
        means = matching(rows, outcome=FOLLOWED).groupby("label")["share"].mean()
        order = list(means.sort_values(ascending=False, kind="stable").index)
        caption = f"Answers that follow their source, all encodings: {where}. Mean share. {FIELDS}"
        name = f"all-{panels[0].title}-{'trained' if key[2] == SCOPES[0] else 'longer'}"
        charts[caption] = Chart(name, heatmap(panels[0], order, {}), bands, _says)
    if not shared:
        return charts
    note = band_note(points).partition(" Grey dotted line")[0]
    caption = f"Answers after their source was changed, by dependency length. {note}"
    figure = side_by_side(shared, styles)
    return {caption: Chart("lines", figure, pd.concat(data, ignore_index=True), _says)} | charts


def _says(bands: pd.DataFrame) -> str:
    return kept(bands, "share of answers that follow their source")


def _panel(study: Study, key: tuple[str, str, str], rows: pd.DataFrame) -> Panel:
    columns = ["label", "x", "share", "low", "high", "seeds", "predictions"]
    lines = rows[columns].rename(columns={"share": "y"})
    noun = "span of influence" if rows["distance"].iloc[0] == "span" else "dependency length"
    where = "training length" if key[2] == SCOPES[0] else "longer"
    return Panel(
        title=title(key[0], key[1], study.cells),
        subtitle=f"{rows['outcome'].iloc[0]}, {where}: {rows['lengths'].iloc[0]} tokens",
        lines=lines,
        ticks=dict(zip(rows["x"], rows["bucket"].str.replace("–", "-"), strict=True)),
        log=log_spaced(rows["x"]),
        limits=ACCURACY,
        x_label=f"{noun} in tokens",
        y_label="share of answers",
    )
