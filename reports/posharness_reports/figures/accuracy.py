"""Figures of accuracy: by dependency length and by evaluation length."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.figures.heatmap import heatmap
from posharness_reports.figures.palette import Look, looks
from posharness_reports.figures.panels import (
    ACCURACY,
    MOST_SHARED,
    Panel,
    log_spaced,
    one_panel_each,
    side_by_side,
)
from posharness_reports.formatting import reach, span
from posharness_reports.measures.accuracy import SCOPES, Measured

__all__ = [
    "band_note",
    "dependency_figures",
    "distance_panel",
    "evaluation_figures",
]

Looks = Mapping[str, Look]
Figures = dict[str, Figure]

_KEY = ["task", "objective", "scope"]


@dataclass(frozen=True)
class _Plot:
    """A panel, and how it is drawn when its labels are too many to share it.

    Attributes:
        order: its labels, the best first.
        notes: how far each label carries.
        each: whether every label also gets a panel of its own.
    """

    panel: Panel
    order: list[str]
    notes: Mapping[str, str] = field(default_factory=dict)
    each: bool = False


def dependency_figures(measured: Measured, cells: pd.DataFrame) -> Figures:
    """Accuracy by dependency length, by caption; distances and spans in figures of their own.

    Args:
        cells: of the frames, for the names and looks of all labels.
    """
    figures: Figures = {}
    for (kind,), points in grouped(measured.points, ["distance"]):
        plots: list[_Plot] = []
        # The scope "at the training length" comes first, as the alphabet has it.
        for key, _ in grouped(points, _KEY):
            panel = distance_panel(measured, key, cells)
            heads = matching(measured.reach, **dict(zip(_KEY, key, strict=True)))
            heads = heads.sort_values(["reach", "mean"], ascending=False, kind="stable")
            carried = map(reach, heads["reach"], *[[math.nan] * len(heads)] * 2, heads["longest"])
            notes = dict(zip(heads["label"], carried, strict=True))
            plots.append(_Plot(panel, list(heads["label"]), notes, key[2] == SCOPES[0]))
        figures |= _laid_out(f"Accuracy by {_noun(kind)}", plots, looks(cells["label"]), band_note(points))
    return figures


def distance_panel(measured: Measured, key: tuple[str, str, str], cells: pd.DataFrame) -> Panel:
    """Accuracy by distance of one task, objective and scope."""
    wanted = dict(zip(_KEY, key, strict=True))
    rows = matching(measured.points, **wanted)
    return Panel(
        title=title(key[0], key[1], cells),
        subtitle=f"{key[2]}: {rows['lengths'].iloc[0]} tokens",
        lines=_lines(rows),
        dots=_dots(matching(measured.runs, **wanted)),
        chance=_chance(rows),
        # A dash beyond Latin-1 would cost every PDF a second subset of its font, and half of its time.
        ticks=dict(zip(rows["x"], rows["bucket"].str.replace("–", "-"), strict=True)),
        log=log_spaced(rows["x"]),
        limits=ACCURACY,
        x_label=f"{_noun(str(rows['distance'].iloc[0]))} in tokens",
        y_label="accuracy",
    )


def evaluation_figures(points: pd.DataFrame, runs: pd.DataFrame, cells: pd.DataFrame) -> Figures:
    """Accuracy by evaluation length, by caption, for what was tested at several lengths."""
    if points.empty or runs.empty:
        return {}
    points, runs = (frame.rename(columns={"length": "x"}) for frame in (points, runs))
    plots: list[_Plot] = []
    for (task, objective), rows in grouped(points, ["task", "objective"]):
        held = rows[~rows["undefined"]]
        if rows["x"].nunique() < 2 or held.empty:
            continue
        trained = rows["train_length"].iloc[0]
        panel = Panel(
            title=title(task, objective, cells),
            lines=_lines(held),
            dots=_dots(matching(runs, task=task, objective=objective)),
            chance=_chance(held),
            undefined=rows.loc[rows["undefined"], ["label", "x"]],
            ticks={x: str(x) for x in sorted(rows["x"].unique())},
            log=log_spaced(rows["x"]),
            limits=ACCURACY,
            marked=None if math.isnan(trained) else (trained, "training length"),
            x_label="evaluation length in tokens",
            y_label="accuracy",
        )
        ends = held.sort_values("x", kind="stable").groupby("label")["accuracy"].agg(["last", "mean"])
        order = list(ends.sort_values(["last", "mean"], ascending=False, kind="stable").index)
        plots.append(_Plot(panel, order + [label for label in panel.labels if label not in order]))
    note = band_note(points[~points["undefined"]])
    if points["undefined"].any():
        note += " ✕: the encoding is undefined at that length."
    return _laid_out("Accuracy by evaluation length", plots, looks(cells["label"]), note)


def band_note(points: pd.DataFrame) -> str:
    """What band, dots and dashes show, and how far to trust them with so few seeds."""
    least, most = int(points["seeds"].min()), int(points["seeds"].max())
    said = f"Mean over {span(points['seeds'].astype(int), 'seed')}, one dot a seed."
    if most == 1:
        said += (
            " Band: 95 % bootstrap over the sequences of that one seed, so it says nothing of other seeds."
        )
    else:
        said += " Band: 95 % cluster bootstrap over seeds, then the sequences of each"
        said += ", or over sequences alone where there is one seed." if least == 1 else "."
        if least <= 3:
            said += " With three seeds or fewer such intervals cover less than 95 %."
    return said + " Dashed: chance."


def _laid_out(name: str, plots: Sequence[_Plot], seen: Looks, note: str) -> Figures:
    """Few labels share their panels, a row for each task; many get a map of numbers and a panel each."""
    few: dict[str, list[Panel]] = {}
    figures: Figures = {}
    for plot in plots:
        panel = plot.panel
        if len(panel.labels) <= MOST_SHARED:
            few.setdefault(panel.title, []).append(panel)
            continue
        about = ", ".join(filter(None, (panel.title, panel.subtitle)))
        caption = f"{name}, all at a glance: {about}. Mean accuracy, the best on top."
        caption += " Framed: the training length." if panel.marked else ""
        caption += " Empty: the encoding is undefined there." if len(panel.undefined) else ""
        figures[caption] = heatmap(panel, plot.order, plot.notes)
        if plot.each:
            caption = f"{name}, one by one: {about}. {note} Grey: the others."
            figures[caption] = one_panel_each(panel, seen, plot.order)
    shared = {f"{name}. {note}": side_by_side(list(few.values()), seen)} if few else {}
    return shared | figures


def _noun(kind: str) -> str:
    return "span of influence" if kind == "span" else "dependency length"


def _lines(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["label", "x", "accuracy", "low", "high"]].rename(columns={"accuracy": "y"})


def _dots(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["label", "x", "accuracy"]].rename(columns={"accuracy": "y"})


def _chance(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby("x")["chance"].mean().rename("y").reset_index()
