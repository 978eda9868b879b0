"""The two figures at the top of a report: accuracy by distance where it separates most, and all tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Chart
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.figures.accuracy import distance_panel
from posharness_reports.figures.heatmap import draw_colours, draw_fields, few_fields, row_names
from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import MOST_SHARED, behind, side_by_side
from posharness_reports.figures.readable import ReadableFigure
from posharness_reports.figures.theme import INK, MUTED
from posharness_reports.formatting import (
    enumerate_words,
    fraction,
    interval,
    reach,
    short_names,
    with_interval,
)
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.ranking import Ranking, lead
from posharness_reports.measures.statistics import normalised
from posharness_reports.measures.unsure import why_not_apart, why_tied
from posharness_reports.study import Study

__all__ = ["distance_figure", "everything", "heatmap_figure", "separating_task", "what_it_shows"]

_BEST, _WORST = 5, 3
_LONGEST_TASK = 48
_HEADINGS = dict(zip(SCOPES, ("farthest distance", "longer sequences"), strict=True))
_GAP = 0.45
_ROOMY, _FIELD = 5.0, 0.33
"""The width from which the map of all tasks has both scopes in one figure, and of a field with a number, in
inches."""

_BAR = 0.22
"""The height of the bar of colours, in inches."""


def separating_task(study: Study, scope: str = SCOPES[0]) -> tuple[str, str] | None:
    """The task and objective with distances on which the best and the last encoding are surest apart.

    Tasks with spans are taken only if none has dependency lengths. None if nothing has a distance in this
    scope.
    """
    measured = matching(study.by_distance.reach, scope=scope)
    # Spans do not say how far information is carried.
    far = matching(measured, distance="dependency")
    measured = far if len(far) else measured
    places = [
        (str(task), str(objective)) for (task, objective), _ in grouped(measured, ["task", "objective"])
    ]
    rankings = study.rankings.each
    return max(places, key=lambda place: _apart(rankings.get((*place, scope))), default=None)


def _apart(ranking: Ranking | None) -> tuple[float, float]:
    """The lower end of the difference between the first and the last label, and the difference."""
    if ranking is None:
        return (-2.0, 0.0)
    first, last = ranking.labels[0], ranking.labels[-1]
    found = {(pair.better, pair.other): pair.effect.overall for pair in ranking.pairs}
    effect = found.get((first, last))
    if effect is None:
        return (-2.0, 0.0)
    low, _ = effect.interval()
    return (low if low == low else -1.0, effect.mean)


def distance_figure(study: Study, key: tuple[str, str, str]) -> tuple[str, Chart]:
    """Caption and chart of accuracy by distance of one task, objective and scope."""
    panel = distance_panel(study.by_distance, key, study.cells, study.outcomes)
    styles = looks(study.cells["label"])
    order = _best_first(study, key)
    reaches = matching(study.by_distance.reach, task=key[0], objective=key[1], scope=key[2])
    name = f"On {panel.title}" + (f", {key[2]}" if key[2] != SCOPES[0] else "")
    several = panel.lines["seeds"].max() > 1
    about = "Lines: means, not normalised; small dots: single seeds; bands: 95 % intervals"
    about += "." if several else " of one seed: about its test sequences."
    if len(panel.labels) > MOST_SHARED:
        chosen = [*order[:_BEST], *order[-_WORST:]]
        panel, grey = behind(panel)
        panel = replace(
            panel,
            lines=panel.lines[panel.lines["label"].isin(chosen)],
            # Bands of many lines would cover each other.
            bands=False,
            dots=panel.dots[panel.dots["label"].isin(chosen)],
        )
        about = "Lines: means, not normalised; dots: single seeds. In colour: the "
        about += f"{_BEST} highest and the {_WORST} lowest means."
        about += f" {grey.format('encodings')}"
    ranking = study.rankings.each.get(key)
    figure = side_by_side([[panel]], styles)
    return about, Chart(
        "accuracy-by-distance", figure, reaches, lambda rows: what_it_shows(name, ranking, rows)
    )


def what_it_shows(name: str, ranking: Ranking | None, reaches: pd.DataFrame) -> str:
    """What accuracy by distance shows: which encodings are told apart, or what they have in common.

    The means of two encodings differ in a figure even if the encodings do not. So a sentence sets one above
    another only where the ranking separates them.

    Args:
        name: what the figure is about.
        ranking: of the labels on this task, objective and scope; None with fewer than two labels.
        reaches: the rows of `Measured.reach` of these labels.
    """
    if ranking is None:
        if len(reaches) != 1:
            return f"{name}: accuracy by dependency length."
        row = reaches.iloc[0]
        area = with_interval(row["area"], row["area_low"], row["area_high"])
        tokens = reach(*(row[column] for column in _REACH))
        return f"{name}: {row['label']} has area under accuracy by distance {area}, reach {tokens}."
    scores = {
        row["label"]: with_interval(row["mean"], row["low"], row["high"])
        for row in ranking.means.to_dict("records")
    }
    best, behind = lead(ranking)
    if not behind:
        why = why_not_apart(ranking, best, ranking.labels[-1])
        return f"{name}: no encodings are told apart; {_in_common(ranking, reaches)}{why}."
    others = _names([f"{label} ({scores[label]})" for label in behind])
    text = f"{name}: the score is higher with {best} ({scores[best]}) than with {others}"
    tied = [label for label in ranking.labels if label not in {best, *behind}]
    if not tied:
        return f"{text}."
    scored = _names([f"{label} ({scores[label]})" for label in tied])
    return f"{text}; not told apart from {best}: {scored}{why_tied(ranking, best, tied)}."


_REACH = ("reach", "low", "high", "shortest", "longest")


def _in_common(ranking: Ranking, reaches: pd.DataFrame) -> str:
    """The least and the greatest score of all labels, and the ends of all their intervals."""
    means = ranking.means
    least, most = (fraction(mean) for mean in (means["mean"].min(), means["mean"].max()))
    text = f"scores are {least} to {most}" if least != most else f"all scores are {least}"
    if means["low"].isna().any():
        return text
    text += f", with intervals within {interval(means['low'].min(), means['high'].max())}"
    if reaches.empty or reaches["low"].isna().any():
        return text
    tested = reaches["shortest"].min(), reaches["longest"].max()
    ends = reaches["low"].min(), reaches["high"].max()
    if ends[0] <= tested[0] and ends[1] >= tested[1]:
        return text  # any reach is within them
    low, high = (reach(end, math.nan, math.nan, *tested) for end in ends)
    if low == high:
        return f"{text}; the reach of each is {low}"
    return f"{text}; all intervals of the reach are within [{low}, {high}]"


def _names(labels: Sequence[str]) -> str:
    if len(labels) <= _BEST:
        return enumerate_words(labels)
    return enumerate_words([*labels[: _BEST - 1], f"{len(labels) - _BEST + 1} others"])


def _best_first(study: Study, key: tuple[str, str, str]) -> list[str]:
    rows = matching(study.by_distance.reach, task=key[0], objective=key[1], scope=key[2])
    return list(rows.sort_values(["area", "mean", "label"], ascending=[False, False, True])["label"])


def everything(study: Study) -> pd.DataFrame:
    """Normalised accuracy of every label on every task and objective.

    At the training length it is that at the farthest distance, or over all predictions of a task without
    distances; beyond the training length, the mean over the longer lengths.

    Returns:
        Columns scope, task (its title), label, value (NaN where it is undefined), low and high (the mean ends
        of the intervals), seeds, predictions (of all runs) and undefined.
    """
    points, _ = study.by_length
    far = matching(study.by_distance.points, scope=SCOPES[0])
    spans = set(study.cells.loc[study.cells["distance"] == "span", "task"])
    rows: list[dict[str, Any]] = []
    for (task, objective), own in grouped(points, ["task", "objective"]):
        name = title(task, objective, study.cells)
        known = own[~own["undefined"].astype(bool)]
        at_distance = matching(far, task=task, objective=objective)
        farthest = at_distance[at_distance["x"] == at_distance["x"].max()]
        inside = farthest if len(farthest) else known[known["length"] == known["train_length"]]
        beyond = own[own["length"] > own["train_length"]]
        for scope, part in zip(SCOPES, (inside, beyond), strict=True):
            for (label,), values in grouped(part, ["label"]):
                zero = values["chance" if task in spans else "blind"].to_numpy(float)
                # As in the ranking, an encoding that is undefined at a length has no mean over lengths.
                undefined = "undefined" in values and bool(values["undefined"].any())
                ends = {
                    "value": float(values["normalised"].mean(skipna=False)),
                    **{end: float(normalised(values[end].to_numpy(float), zero).mean()) for end in _ENDS},
                    "seeds": values["seeds"].min(),
                    "predictions": values["predictions"].sum(),
                }
                ends = dict.fromkeys(ends, math.nan) if undefined else ends
                rows.append(
                    {"scope": scope, "task": name, "label": str(label), **ends, "undefined": undefined}
                )
    return pd.DataFrame(rows, columns=_VALUES)


_ENDS = ("low", "high")
_VALUES = ["scope", "task", "label", "value", *_ENDS, "seeds", "predictions", "undefined"]


def heatmap_figure(values: pd.DataFrame, order: Sequence[str]) -> ReadableFigure:
    """A heat map of `everything`: labels by tasks, at the training length and, if tested, beyond it.

    Args:
        order: the labels from top to bottom.
    """
    figure = _map(values, order, 9.4)
    # In a column there is room for one scope.
    figure.paper = lambda width: (
        [_map(values, order, width)]
        if width > _ROOMY
        else [_map(rows, order, width) for _, rows in values.groupby("scope")]
    )
    return figure


def _map(values: pd.DataFrame, order: Sequence[str], most: float) -> ReadableFigure:
    """The map at most so wide. Scopes whose fields have no room for numbers are below each other; if there is
    none then either, a bar says what the colours are."""
    scopes = [scope for scope in SCOPES if scope in set(values["scope"])]
    tasks = list(dict.fromkeys(values["task"]))
    names = row_names(order, most)
    left = 0.2 + text_width(max(names, key=len, default=""))
    widest = max(0.62 * len(tasks), 1.5)
    across = min(widest, (most - left) / len(scopes) - _GAP)
    stacked = across / len(tasks) <= _FIELD
    across = min(widest, most - left - 0.1) if stacked else across
    field = across / len(tasks)
    turned = any(text_width(task) > field for task in tasks)
    below = list(short_names(tasks, _LONGEST_TASK).values())
    type_size = min(8.5, 0.8 * 72 * field)
    bottom = 0.25 + (text_width(max(below, key=len)) * type_size / 8.5 if turned else 0)
    roomy = field > _FIELD
    height, top, bar = 0.23 * len(order), 0.3, 0 if roomy else _BAR
    beside, under = (1, len(scopes)) if stacked else (len(scopes), 1)
    size = (left + beside * (across + (0.1 if stacked else _GAP)), bar + under * (top + height) + bottom)
    figure = ReadableFigure(*size)
    for i, scope in enumerate(scopes):
        own = values[values["scope"] == scope]
        table = own.pivot_table(index="label", columns="task", values="value")
        table = table.reindex(index=list(order), columns=tasks)
        # The fonts of figures have no minus sign (see `theme.RC`).
        texts = table.map(lambda value: fraction(value).replace("−", "-"))
        last = not stacked or i == len(scopes) - 1
        place = (
            left + (0 if stacked else i * (across + _GAP)),
            bottom + ((len(scopes) - 1 - i) * (top + height) if stacked else 0),
        )
        axes = figure.add_axes((place[0] / size[0], place[1] / size[1], across / size[0], height / size[1]))
        if not stacked:
            figure.in_cell(axes, i * (across + _GAP), 0, left + across + 0.1, size[1])
        known = {
            name: own.pivot_table(index="label", columns="task", values=name).reindex_like(table)
            for name in ("seeds", "predictions")
        }
        crosses = {(row["label"], row["task"]) for row in own[own["undefined"]].to_dict("records")}
        undefined = np.array([[(label, task) in crosses for task in tasks] for label in order])
        draw_fields(axes, table, texts if roomy else None, few_fields(known), undefined)
        if last:
            axes.set_xticklabels(below)
        else:
            axes.set_xticks([])
        if stacked or i == 0:
            axes.set_yticklabels(names)
        else:
            axes.set_yticks([])
        figure.read_rows(axes, _HEADINGS[scope], ("task", "normalised accuracy"), table, tasks, known)
        axes.tick_params(length=0, labelcolor=INK)
        axes.tick_params(axis="y", labelrotation=0)
        axes.set(xlabel="", ylabel="")
        for text in axes.get_xticklabels():
            text.set(rotation=90 if turned else 0, size=type_size)
        axes.set_title(_HEADINGS[scope], size=8.5, color=MUTED, pad=5)
    if not roomy:
        wide = min(1.2, across)
        place = (left + across - wide, size[1] - 0.12)
        draw_colours(
            figure.add_axes((place[0] / size[0], place[1] / size[1], wide / size[0], 0.08 / size[1]))
        )
    return figure
