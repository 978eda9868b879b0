"""Sentences that say what the numbers show, computed from them."""

from __future__ import annotations

import math
from collections import Counter

import pandas as pd

from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.formatting import count, enumerate_words, fraction, reach, span
from posharness_reports.measures.accuracy import GATE, SCOPES, learned
from posharness_reports.study import Study

__all__ = ["by_task", "caveats", "cell_counts", "headline", "not_learned"]

_HEADLINE = 3
_NAMED = 6


def headline(study: Study) -> str:
    """What the task that sets the encodings farthest apart shows; before there is one, how far the run is."""
    trained = study.trained
    heads = _heads(trained)
    if heads.empty:
        return _read(study) if trained.cells.empty else f"No result yet: {cell_counts(study)}."
    contrasts = {
        key: math.log1p(rows["reach"].max()) - math.log1p(rows["reach"].min()) + rows["mean"].max() / 1e6
        for key, rows in grouped(heads, ["task", "objective"])
    }
    task, objective = max(contrasts, key=lambda key: contrasts[key])
    return _finding(trained, task, objective, named=_HEADLINE)


def by_task(study: Study) -> list[str]:
    """A finding for each task and objective whose predictions have a distance."""
    keys = (key for key, _ in grouped(_heads(study), ["task", "objective"]))
    return [_finding(study, task, objective, named=_NAMED) for task, objective in keys]


def cell_counts(study: Study) -> str:
    """How many cells there are, by status: "12 cells: 10 done, 2 diverged"."""
    counts = Counter(study.cells["status"])
    ordered = sorted(counts.items(), key=lambda item: (item[0] != "done", item[0]))
    return f"{count(len(study.cells), 'cell')}: " + ", ".join(f"{n} {status}" for status, n in ordered)


def caveats(study: Study) -> list[str]:
    """What a reader must know before trusting a comparison."""
    said = []
    done = study.cells[study.cells["status"] == "done"]
    for column in ("torch", "python", "machine", "results_version"):
        found = sorted({str(value) for value in done[column].dropna()})
        if len(found) > 1:
            said.append(
                f"Finished cells differ in {column.replace('_', ' ')} ({', '.join(found)}): differences of "
                "speed, and small ones of accuracy, may come from that."
            )
    for (task,), cells in grouped(done, ["task"]):
        steps = sorted({int(value) for value in cells["steps"].dropna()})
        if len(steps) > 1:
            said.append(
                f"On {task}, cells trained for different numbers of steps ({steps[0]} to {steps[-1]})."
            )
    seeds = done.groupby(["task", "label"])["seed"].nunique()
    if (seeds == 1).any():
        said.append(
            "Where there is one seed, intervals cover its test sequences and say nothing of other seeds."
        )
    if few := sorted(set(seeds[(seeds > 1) & (seeds <= 3)])):
        said.append(
            f"With {span(few, 'seed')} a bootstrap interval covers less than the 95 % that it states: "
            "read the dots of the single seeds beside it."
        )
    return said


def not_learned(study: Study) -> list[str]:
    """For each task that was tested beyond its training length, the labels too weak to judge there."""
    points, _ = study.by_length
    said = []
    for (task, objective), rows in grouped(points, ["task", "objective"]):
        if not (rows["length"] > rows["train_length"]).any():
            continue
        scores = {label: learned(points, (task, objective, label)) for label in sorted(set(rows["label"]))}
        weak = [f"{name} ({fraction(s)})" for name, s in scores.items() if s is not None and s < GATE]
        if weak:
            said.append(f"{title(task, objective, study.cells)}: {enumerate_words(weak)}")
    return said


def _read(study: Study) -> str:
    """What was read, in a store that has trained nothing."""
    done = matching(study.readings.cells, status="done")
    if done.empty:
        return f"No result yet: {cell_counts(study)}."
    models = count(done["pretrained"].nunique(), "pretrained model")
    return f"{models} read: {enumerate_words(sorted(set(done['task'])))}."


def _heads(study: Study) -> pd.DataFrame:
    return matching(study.by_distance.reach, scope=SCOPES[0])


def _finding(study: Study, task: str, objective: str, *, named: int) -> str:
    rows = matching(_heads(study), task=task, objective=objective)
    rows = rows.sort_values(["reach", "mean"], ascending=False, kind="stable")
    points = matching(study.by_distance.points, task=task, objective=objective, scope=SCOPES[0])
    seeds = span(points["seeds"].astype(int), "seed")
    name = title(task, objective, study.cells)
    if rows["reach"].max() == 0:
        best, worst = rows.iloc[0], rows.iloc[-1]  # nothing but the mean sorts them
        said = f"{fraction(best['mean'])} with {best['label']}"
        if len(rows) > 1:
            said += f" and {fraction(worst['mean'])} with {worst['label']}"
        return (
            f"On {name}, no encoding comes within {rows['threshold'].iloc[0]} of the way from chance to "
            f"perfect even at the shortest distance; the mean accuracy over distances is {said} ({seeds})."
        )
    reached: dict[str, list[str]] = {}
    for label, *ends in rows[["label", "reach", "low", "high", "longest"]].itertuples(index=False):
        reached.setdefault(reach(*ends), []).append(label)
    return f"On {name}, information carries over {_ranked(reached, named)} ({seeds})."


def _ranked(reached: dict[str, list[str]], named: int) -> str:
    """Labels by how far they reach, the farthest first: `named` reaches, and as many labels of each."""
    parts = [
        f"{how_far}{'' if i else ' tokens'} with {enumerate_words(_few(labels, named))}"
        for i, (how_far, labels) in enumerate(reached.items())
    ]
    if len(parts) > named:
        left = sum(map(len, list(reached.values())[named - 1 : -1]))
        parts[named - 1 : -1] = [f"{count(left, 'other')} in between"]
    return "; ".join(parts)


def _few(labels: list[str], named: int) -> list[str]:
    """The first labels, and how many others there are."""
    if len(labels) <= named:
        return labels
    return [*labels[: named - 1], count(len(labels) - named + 1, "other")]
