"""The two figures at the top of a report: accuracy by distance where it separates most, and all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.figures.accuracy import distance_panel
from posharness_reports.figures.heatmap import fix_colours
from posharness_reports.figures.line_labels import text_width
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import MOST_SHARED, behind, side_by_side
from posharness_reports.figures.theme import INK, MUTED
from posharness_reports.formatting import count, distance, enumerate_words, fraction, percent, shorten
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.ranking import Ranking
from posharness_reports.measures.reach import THRESHOLD
from posharness_reports.study import Study

__all__ = ["distance_figure", "everything", "heatmap_figure", "separating_task", "what_it_shows"]

_BEST, _WORST = 5, 3
_LONGEST_LABEL, _LONGEST_TASK = 34, 28
_HEADINGS = dict(zip(SCOPES, ("farthest distance", "longer sequences"), strict=True))
_GAP = 0.45


def separating_task(study: Study) -> tuple[str, str] | None:
    """The task and objective with distances on which the best and the last encoding are surest apart.

    None if nothing has a distance.
    """
    reach = matching(study.by_distance.reach, scope=SCOPES[0])
    places = [(str(task), str(objective)) for (task, objective), _ in grouped(reach, ["task", "objective"])]
    rankings = study.rankings.each
    return max(places, key=lambda place: _apart(rankings.get((*place, SCOPES[0]))), default=None)


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


def distance_figure(study: Study, task: str, objective: str) -> tuple[str, Figure]:
    """Caption and figure of accuracy by distance on one task, at the training length."""
    panel = distance_panel(study.by_distance, (task, objective, SCOPES[0]), study.cells)
    styles = looks(study.cells["label"])
    grey = ""
    if len(panel.labels) > MOST_SHARED:
        order = list(_reaches(study, task, objective)["label"])
        chosen = [*order[:_BEST], *order[-_WORST:]]
        panel, grey = behind(panel)
        panel = replace(
            panel,
            # Bands of many lines would cover each other.
            lines=panel.lines.loc[panel.lines["label"].isin(chosen), ["label", "x", "y"]],
            dots=panel.dots[panel.dots["label"].isin(chosen)],
        )
        grey = f" In colour: the {_BEST} best and the {_WORST} worst. {grey.format('encodings')}"
    shows = what_it_shows(panel.title, _reaches(study, task, objective))
    about = "One dot per seed." if grey else "One dot per seed; band: 95 %."
    return f"{shows} {about}{grey}", side_by_side([[panel]], styles)


def what_it_shows(name: str, reaches: pd.DataFrame) -> str:
    """What accuracy by distance shows on one task: where encodings fall below the threshold of the reach.

    Args:
        name: the title of the task.
        reaches: columns label, reach, shortest and longest, the best first.
    """
    rows = reaches[reaches["reach"].notna()]
    if rows.empty:
        return f"Accuracy by dependency length on {name}."
    keeps = rows[rows["reach"] >= rows["longest"]]
    never = rows[(rows["reach"] < rows["shortest"]) & (rows["reach"] < rows["longest"])]
    falls = rows.drop(index=[*keeps.index, *never.index])
    level = f"{percent(THRESHOLD)} of the way from blind to perfect"
    clauses = []
    if len(keeps):
        verb = "keeps" if len(keeps) == 1 else "keep"
        longest = distance(keeps["longest"].max())
        clauses.append(f"{_names(keeps)} {verb} {level} up to {longest} tokens, the longest tested")
    for label, reach in falls[["label", "reach"]].head(_BEST).itertuples(index=False):
        end = "it" if clauses else level
        clauses.append(f"{label} falls below {end} at {distance(float(reach))}")
    if len(falls) > _BEST:
        clauses.append(f"{count(len(falls) - _BEST, 'other')} between the shortest and the longest distance")
    if len(never):
        verb = "is" if len(never) == 1 else "are"
        end = "it" if clauses else level
        clauses.append(f"{_names(never)} {verb} below {end} from the shortest distance on")
    return f"On {name}: {'; '.join(clauses)}."


def _names(rows: pd.DataFrame) -> str:
    labels = list(rows["label"])
    if len(labels) <= _BEST:
        return enumerate_words(labels)
    return enumerate_words([*labels[: _BEST - 1], f"{len(labels) - _BEST + 1} others"])


def _reaches(study: Study, task: str, objective: str) -> pd.DataFrame:
    rows = matching(study.by_distance.reach, scope=SCOPES[0], task=task, objective=objective)
    return rows.sort_values(["area", "reach", "label"], ascending=[False, False, True], ignore_index=True)


def everything(study: Study) -> pd.DataFrame:
    """Normalised accuracy of every label on every task and objective.

    At the training length it is that at the farthest distance, or over all predictions of a task without
    distances; beyond the training length, the mean over the longer lengths.

    Returns:
        Columns scope, task (its title), label and value.
    """
    points, _ = study.by_length
    far = matching(study.by_distance.points, scope=SCOPES[0])
    rows: list[tuple[str, str, str, float]] = []
    for (task, objective), own in grouped(points, ["task", "objective"]):
        name = title(task, objective, study.cells)
        known = own[~own["undefined"].astype(bool)]
        at_distance = matching(far, task=task, objective=objective)
        farthest = at_distance[at_distance["x"] == at_distance["x"].max()]
        inside = farthest if len(farthest) else known[known["length"] == known["train_length"]]
        beyond = known[known["length"] > known["train_length"]]
        for scope, part in zip(SCOPES, (inside, beyond), strict=True):
            for (label,), values in grouped(part, ["label"]):
                rows.append((scope, name, str(label), float(values["normalised"].mean())))
    return pd.DataFrame(rows, columns=["scope", "task", "label", "value"])


def heatmap_figure(values: pd.DataFrame, order: Sequence[str]) -> Figure:
    """A heat map of `everything`: labels by tasks, at the training length and, if tested, beyond it.

    Args:
        order: the labels from top to bottom.
    """
    scopes = [scope for scope in SCOPES if scope in set(values["scope"])]
    tasks = list(dict.fromkeys(values["task"]))
    names = [shorten(label, _LONGEST_LABEL) for label in order]
    left = 0.2 + text_width(max(names, key=len, default=""))
    across = min(max(0.62 * len(tasks), 1.5), (9.4 - left) / len(scopes) - _GAP)
    slanted = any(text_width(task) > across / len(tasks) for task in tasks)
    bottom = 0.25 + (
        0.75 * text_width(max((shorten(t, _LONGEST_TASK) for t in tasks), key=len)) if slanted else 0
    )
    roomy = across / len(tasks) > 0.33
    height, top = 0.23 * len(order), 0.3
    size = (left + len(scopes) * (across + _GAP), top + height + bottom)
    figure = Figure(figsize=size)
    for i, scope in enumerate(scopes):
        table = values[values["scope"] == scope].pivot_table(index="label", columns="task", values="value")
        table = table.reindex(index=list(order), columns=tasks)
        texts = table.map(fraction)
        place = (left + i * (across + _GAP), bottom)
        axes = figure.add_axes((place[0] / size[0], place[1] / size[1], across / size[0], height / size[1]))
        sns.heatmap(
            table, ax=axes, vmin=0, vmax=1, cmap="crest", annot=texts if roomy else None, fmt="",
            annot_kws={"size": 7.5}, linewidths=0.6, cbar=False,
            xticklabels=[shorten(task, _LONGEST_TASK) for task in tasks],
            yticklabels=names if i == 0 else False,
        )  # fmt: skip
        fix_colours(axes)
        axes.tick_params(length=0, labelcolor=INK)
        axes.tick_params(axis="y", labelrotation=0)
        axes.set(xlabel="", ylabel="")
        for text in axes.get_xticklabels():
            text.set(
                rotation=40 if slanted else 0, ha="right" if slanted else "center", rotation_mode="anchor"
            )
        axes.set_title(_HEADINGS[scope], size=8.5, color=MUTED, pad=5)
    return figure
