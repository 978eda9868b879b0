"""Charts of accuracy: by dependency length and by evaluation length."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from posharness.contracts import Chart
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.figures.heatmap import FIELDS, heatmap
from posharness_reports.figures.palette import Look, looks
from posharness_reports.figures.panels import (
    ACCURACY,
    MOST_SHARED,
    Panel,
    by_family,
    log_spaced,
    side_by_side,
)
from posharness_reports.figures.readable import READ
from posharness_reports.figures.sentences import kept, kept_by_family
from posharness_reports.formatting import reach, span
from posharness_reports.measures.accuracy import SCOPES, Measured
from posharness_reports.measures.outcomes import FOLLOWED, Outcomes
from posharness_reports.measures.statistics import normalised

__all__ = [
    "band_note",
    "dependency_figures",
    "distance_panel",
    "evaluation_figures",
]

Looks = Mapping[str, Look]
Charts = dict[str, Chart]

_KEY = ["task", "objective", "scope"]

_VISIBLE = 0.005
"""The smallest difference of blind accuracy and chance that a reader of a figure notices."""


@dataclass(frozen=True)
class _Plot:
    """A panel, and how to draw it when it has too many labels.

    Attributes:
        bands: what its lines say: columns place, label, x, at (the name of x), low, high (both of normalised
            accuracy) and seeds.
        order: its labels, the best first.
        notes: the reach of each label.
        each: whether to draw the lines too, in a panel for each kind of encodings.
    """

    panel: Panel
    bands: pd.DataFrame
    order: list[str]
    notes: Mapping[str, str] = field(default_factory=dict)
    each: bool = False


def dependency_figures(measured: Measured, cells: pd.DataFrame, outcomes: Outcomes | None = None) -> Charts:
    """Caption to chart: accuracy by dependency length; distances and spans have separate figures.

    Args:
        cells: all cells, so that a label looks the same in every figure.
        outcomes: how answers follow their source, to be read at the points.
    """
    charts: Charts = {}
    for (kind,), points in grouped(measured.points, ["distance"]):
        plots: list[_Plot] = []
        # In alphabetical order the scope "at the training length" comes first.
        for key, own in grouped(points, _KEY):
            panel = distance_panel(measured, key, cells, outcomes)
            lengths = matching(measured.reach, **dict(zip(_KEY, key, strict=True)))
            lengths = lengths.sort_values(["area", "mean"], ascending=False, kind="stable")
            texts = map(reach, *(lengths[name] for name in ("reach", "low", "high", "shortest", "longest")))
            notes = dict(zip(lengths["label"], texts, strict=True))
            bands = _bands(own.assign(at=own["bucket"]), cells)
            plots.append(_Plot(panel, bands, list(lengths["label"]), notes, key[2] == SCOPES[0]))
        charts |= _layout(
            f"Accuracy by {_noun(kind)}",
            plots,
            looks(cells["label"]),
            _noted(points),
            "span-" if kind == "span" else "",
        )
    return charts


def _bands(points: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """The bands of lines as normalised accuracies; where distances are spans, 0 is chance, else blind."""
    spans = set(cells.loc[cells["distance"] == "span", "task"])
    zero = points["blind"].where(~points["task"].isin(spans), points["chance"]).to_numpy(float)
    ends = {end: normalised(points[end].to_numpy(float), zero) for end in ("low", "high")}
    places = [title(t, o, cells) for t, o in zip(points["task"], points["objective"], strict=True)]
    return points[["label", "x", "at", "seeds"]].assign(place=places, **ends)


def distance_panel(
    measured: Measured, key: tuple[str, str, str], cells: pd.DataFrame, outcomes: Outcomes | None = None
) -> Panel:
    """Accuracy by distance, of one task, objective and scope."""
    wanted = dict(zip(_KEY, key, strict=True))
    rows = matching(measured.points, **wanted)
    if outcomes is not None:
        followed = matching(outcomes.points, **wanted, change="source", outcome=FOLLOWED)
        followed = followed.rename(columns={"share": "followed"})[["label", "bucket", "followed"]]
        rows = rows.merge(followed, on=["label", "bucket"], how="left")
    return Panel(
        title=title(key[0], key[1], cells),
        subtitle=f"{key[2]}: {rows['lengths'].iloc[0]} tokens",
        lines=_lines(rows),
        dots=_dots(matching(measured.runs, **wanted)),
        chance=_blind(rows),
        chance_name=_blind_name(rows),
        # An en dash would embed a second subset of the font in every PDF, which doubles its time.
        ticks=dict(zip(rows["x"], rows["bucket"].str.replace("–", "-"), strict=True)),
        log=log_spaced(rows["x"]),
        limits=ACCURACY,
        x_label=f"{_noun(str(rows['distance'].iloc[0]))} in tokens",
        y_label="accuracy",
    )


def evaluation_figures(points: pd.DataFrame, runs: pd.DataFrame, cells: pd.DataFrame) -> Charts:
    """Caption to chart: accuracy by evaluation length, of what was tested at several lengths."""
    if points.empty or runs.empty:
        return {}
    points, runs = (frame.rename(columns={"length": "x"}) for frame in (points, runs))
    plots: list[_Plot] = []
    for (task, objective), rows in grouped(points, ["task", "objective"]):
        defined = rows[~rows["undefined"]]
        if rows["x"].nunique() < 2 or defined.empty:
            continue
        trained = rows["train_length"].iloc[0]
        panel = Panel(
            title=title(task, objective, cells),
            lines=_lines(defined),
            dots=_dots(matching(runs, task=task, objective=objective)),
            chance=_blind(defined),
            chance_name=_blind_name(defined),
            undefined=rows.loc[rows["undefined"], ["label", "x"]],
            ticks={x: str(x) for x in sorted(rows["x"].unique())},
            log=log_spaced(rows["x"]),
            limits=ACCURACY,
            marked=None if math.isnan(trained) else (trained, "training length"),
            x_label="evaluation length in tokens",
            y_label="accuracy",
        )
        ends = defined.sort_values("x", kind="stable").groupby("label")["accuracy"].agg(["last", "mean"])
        order = list(ends.sort_values(["last", "mean"], ascending=False, kind="stable").index)
        order += [label for label in panel.labels if label not in order]
        bands = _bands(rows.assign(at=rows["x"].astype(int).astype(str)), cells)
        bands = bands.assign(undefined=rows["undefined"])
        plots.append(_Plot(panel, bands, order))
    crosses = " Cross: the encoding is undefined at that length." if points["undefined"].any() else ""
    note = _noted(points[~points["undefined"]], crosses)
    return _layout("Accuracy by evaluation length", plots, looks(cells["label"]), note)


def band_note(points: pd.DataFrame, *, bands: bool = True) -> str:
    """What the band (if there are any), dots and dotted line mean, of which unit the band is."""
    least, most = int(points["seeds"].min()), int(points["seeds"].max())
    note = f"Mean over {span(points['seeds'].astype(int), 'seed')}; one dot per seed."
    if bands and most == 1:
        note += " Band: 95 % by the sequences of this seed; it says nothing about other seeds."
    elif bands:
        note += " Band: 95 % across seeds (Student's t)"
        note += "; with one seed, by its sequences only." if least == 1 else "."
    return note + " Grey dotted line: chance; named blind where more can be had without the farthest source."


def _noted(points: pd.DataFrame, more: str = "") -> Callable[[bool], str]:
    """The note of figures with or without bands."""
    return lambda bands: band_note(points, bands=bands) + more


def _layout(
    name: str, plots: Sequence[_Plot], styles: Looks, note: Callable[[bool], str], kind: str = ""
) -> Charts:
    """A few labels share panels, with a row for each task; many get a heatmap and a panel for each kind.

    Args:
        kind: the beginning of the names of the charts.
    """
    few: dict[str, list[_Plot]] = {}
    charts: Charts = {}
    for plot in plots:
        panel = plot.panel
        if len(panel.labels) <= MOST_SHARED:
            few.setdefault(panel.title, []).append(plot)
            continue
        about = ", ".join(filter(None, (panel.title, panel.subtitle)))
        caption = f"{name}, all encodings: {about}. Mean accuracy, the highest on top."
        caption += " Frame: the training length." if panel.marked else ""
        caption += f" {FIELDS}"
        place = f"{panel.title}-{_SHORT[panel.subtitle.partition(':')[0]]}" if panel.subtitle else panel.title
        figure = heatmap(panel, plot.order, plot.notes)
        charts[caption] = Chart(f"{kind}all-{place}", figure, plot.bands, _says)
        if plot.each:
            figure, grey = by_family(panel, styles)
            caption = f"{name}, by kind of encoding: {about}. {note(False)} {grey.format('encodings')}"
            charts[caption] = Chart(f"{kind}kinds-{place}", figure, plot.bands, _says_of_kinds)
    if not few:
        return charts
    figure = side_by_side([[plot.panel for plot in row] for row in few.values()], styles)
    shown = pd.concat([_scoped(plot) for row in few.values() for plot in row], ignore_index=True)
    return {f"{name}. {note(True)}": Chart(f"{kind}lines", figure, shown, _says)} | charts


def _scoped(plot: _Plot) -> pd.DataFrame:
    """The bands of a plot with what its panel says of lengths."""
    scope = plot.panel.subtitle.partition(":")[0]
    return plot.bands.assign(scope=scope) if scope else plot.bands


_SHORT = dict(zip(SCOPES, ("trained", "longer"), strict=True))
_MEASURE = "normalised accuracy"


def _says(bands: pd.DataFrame) -> str:
    return kept(bands, _MEASURE)


def _says_of_kinds(bands: pd.DataFrame) -> str:
    return kept_by_family(bands, _MEASURE)


def _noun(kind: str) -> str:
    return "span of influence" if kind == "span" else "dependency length"


def _lines(rows: pd.DataFrame) -> pd.DataFrame:
    lines = rows.rename(columns={"accuracy": "y"})
    return lines[["label", "x", *(name for name in READ if name in lines)]]


def _dots(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["label", "x", "accuracy"]].rename(columns={"accuracy": "y"})


def _blind(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby("x")["blind"].mean().rename("y").reset_index()


def _blind_name(rows: pd.DataFrame) -> str:
    return "chance" if ((rows["blind"] - rows["chance"]).abs() <= _VISIBLE).all() else "blind"
