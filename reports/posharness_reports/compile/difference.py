"""What differs between the data of two reports, and which of it is more than noise between runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts.comparison import Change, Comparison
from posharness_reports.data.grouping import grouped
from posharness_reports.data.made_with import MADE_WITH
from posharness_reports.formatting import difference as signed
from posharness_reports.formatting import enumerate_words, fraction
from posharness_reports.measures.statistics import ALPHA, Estimate, holm, mean_of_estimates, run_mean
from posharness_reports.templates import fill_page

__all__ = ["compare"]

Data = Mapping[str, pd.DataFrame]
"""The frames of `posharness_reports.compile.data_files.data_frames`."""

_NONE = "–"


@dataclass(frozen=True)
class _Number:
    """A number of a report, as the values of its runs."""

    values: tuple[float, ...]

    @property
    def estimate(self) -> Estimate:
        return run_mean(np.array(self.values))

    def __str__(self) -> str:
        return fraction(self.estimate.mean)


def compare(one: Data, other: Data, names: tuple[str, str]) -> Comparison:
    """Compare two reports.

    A number is the mean over runs. It differs beyond noise if Welch's test over runs says so at .05, after
    Holm's correction, in which the scores share one half and the numbers by length and by distance a quarter
    each. A rank or a verdict differs beyond noise if the difference between encodings that it rests on does.
    """
    numbers, tested = _numbers(one, other)
    pairs = _effects(one["pairs"], other["pairs"], ["task", "objective", "scope"], "difference")
    contrasts = _effects(one["verdicts"], other["verdicts"], ["claim", "decoding"], "effect")
    found = Comparison(
        names=names,
        ran=tuple(_ran(one, other)),
        numbers=tuple(sorted(numbers, key=lambda change: (not change.beyond_noise, change.p or 0.0))),
        ranks=tuple(_ranks(one["ranking"], other["ranking"], pairs)),
        verdicts=tuple(_verdicts(one["verdicts"], other["verdicts"], contrasts)),
        compared={
            "numbers": tested,
            "ranks": len(_shared(one["ranking"], other["ranking"], _RANKED)),
            "verdicts": len(_shared(one["verdicts"], other["verdicts"], _CONTRAST)),
        },
        page=b"",
    )
    return replace(found, page=fill_page("difference.html.j2", ("tables.js",), found=found))


def _numbers(one: Data, other: Data) -> tuple[list[Change], int]:
    """The numbers that differ, and how many both reports have."""
    shared: list[tuple[str, _Number, _Number, float]] = []
    for kind, (frame, value, keys, name) in _NUMBERS.items():
        sides = [_runs(data[frame], keys, value) for data in (one, other)]
        own = [(name(key), sides[0][key], sides[1][key]) for key in sides[0] if key in sides[1]]
        weight = _SHARES[kind] / max(len(own), 1)
        shared += [(*each, weight) for each in own]
    p = [_p(a.estimate, b.estimate) for _, a, b, _ in shared]
    corrected = holm([1.0 if np.isnan(each) else each for each in p], [weight for *_, weight in shared])
    changes = []
    for (what, a, b, _), raw, adjusted in zip(shared, p, corrected, strict=True):
        if sorted(a.values) != sorted(b.values):
            known = not np.isnan(raw)
            gap = b.estimate.mean - a.estimate.mean
            changes.append(
                Change(what, str(a), str(b), known and adjusted <= ALPHA, gap, adjusted if known else None)
            )
    return changes, len(shared)


def _where(task: str, objective: str) -> str:
    return task if objective in (task, "") else f"{task} ({objective})"


_NUMBERS: Mapping[str, tuple[str, str, list[str], Callable[[Any], str]]] = {
    "score": (
        "scores",
        "value",
        ["task", "objective", "scope", "measure", "label"],
        lambda key: f"{key[4]} on {_where(key[0], key[1])}: {key[3]}, {key[2]}",
    ),
    "length": (
        "accuracy-by-length-runs",
        "accuracy",
        ["task", "objective", "length", "label"],
        lambda key: f"{key[3]} on {_where(key[0], key[1])}: accuracy at {key[2]} tokens",
    ),
    "distance": (
        "accuracy-by-distance-runs",
        "accuracy",
        ["task", "objective", "scope", "bucket", "label"],
        lambda key: f"{key[4]} on {_where(key[0], key[1])}: accuracy at distance {key[3]}, {key[2]}",
    ),
}
_SHARES = {"score": 0.5, "length": 0.25, "distance": 0.25}


def _runs(frame: pd.DataFrame, keys: list[str], value: str) -> dict[Any, _Number]:
    return {
        key: _Number(tuple(rows.loc[rows[value].notna(), value].astype(float)))
        for key, rows in grouped(frame, keys)
        if rows[value].notna().any()
    }


def _p(one: Estimate, other: Estimate) -> float:
    """Two-sided p that two independent estimates have one mean; NaN if either has no error."""
    gap = _gap(one, other)
    return min(2 * min(gap.p_above(0.0), gap.p_below(0.0)), 1.0) if gap.error > 0 else float("nan")


def _gap(one: Estimate, other: Estimate) -> Estimate:
    if not np.isfinite([one.error, other.error]).all():
        return Estimate(other.mean - one.mean, float("nan"), float("nan"))
    _, error, freedom = mean_of_estimates(
        np.zeros(2), np.array([one.error**2, other.error**2]), np.array([one.freedom, other.freedom])
    )
    return Estimate(other.mean - one.mean, float(error), float(freedom))


Key = tuple[Any, ...]


def _effects(one: pd.DataFrame, other: pd.DataFrame, keys: list[str], value: str) -> dict[Key, bool]:
    """Whether the difference between two labels changed beyond noise, by key and by the labels in order."""
    sides = []
    for frame in (one, other):
        found: dict[Key, Estimate] = {}
        for row in frame.to_dict("records"):
            first, second = sorted((row["better"], row["other"]))
            sign = 1.0 if row["better"] == first else -1.0
            key = (*(row[name] for name in keys), first, second)
            found[key] = Estimate(sign * row[value], row["error"], row["freedom"])
        sides.append(found)
    shared = [key for key in sides[0] if key in sides[1]]
    p = [_p(sides[0][key], sides[1][key]) for key in shared]
    corrected = holm([1.0 if np.isnan(each) else each for each in p])
    return {key: value <= ALPHA for key, value in zip(shared, corrected, strict=True)}


def _ranks(one: pd.DataFrame, other: pd.DataFrame, pairs: Mapping[Key, bool]) -> Iterator[Change]:
    for (task, objective, scope, label), (a, b) in _shared(one, other, _RANKED).items():
        texts = [_rank(row["best_rank"], row["worst_rank"]) for row in (a, b)]
        if texts[0] != texts[1]:
            where = f"over tasks, {objective}" if task == "" else f"on {_where(task, objective)}"
            beyond = any(
                changed
                for key, changed in pairs.items()
                if key[:3] == (task, objective, scope) and label in key[3:]
            )
            yield Change(f"{label}: rank {where}, {scope}", texts[0], texts[1], beyond)


def _rank(best: int, worst: int) -> str:
    return str(best) if best == worst else f"{best}–{worst}"


_RANKED = ["task", "objective", "scope", "label"]
_CONTRAST = ["claim", "better", "other", "decoding"]


def _verdicts(one: pd.DataFrame, other: pd.DataFrame, effects: Mapping[Key, bool]) -> Iterator[Change]:
    for (claim, better, second, decoding), (a, b) in _shared(one, other, _CONTRAST).items():
        if a["verdict"] != b["verdict"]:
            beyond = effects.get((claim, decoding, *sorted((better, second))), False)
            texts = [f"{row['verdict']} ({signed(row['effect'])})" for row in (a, b)]
            what = f"{claim}: {better} against {second}, {decoding}"
            yield Change(what, texts[0], texts[1], beyond, float(b["effect"] - a["effect"]))


def _shared(one: pd.DataFrame, other: pd.DataFrame, keys: list[str]) -> dict[Key, tuple[Any, Any]]:
    sides = [
        {tuple(row[key] for key in keys): row for row in frame.to_dict("records")} for frame in (one, other)
    ]
    return {key: (row, sides[1][key]) for key, row in sides[0].items() if key in sides[1]}


def _ran(one: Data, other: Data) -> Iterator[Change]:
    """What differs in what was run."""
    sides = [data["cells"] for data in (one, other)]
    for noun, column in (("encodings", "label"), ("tasks", "task")):
        only = [sorted(set(a[column]) - set(b[column])) for a, b in (sides, sides[::-1])]
        if only[0] or only[1]:
            yield _changed(f"{noun} that only one has", *(", ".join(names) for names in only))
    for noun, value in _OF_CELLS.items():
        yield from _per_cell(noun, value, sides)
    settings = [_settings(cells) for cells in sides]
    for task in settings[0]:
        if task in settings[1] and settings[0][task] != settings[1][task]:
            a, b = settings[0][task], settings[1][task]
            yield _changed(f"settings of {task}", " ".join(sorted(a - b)), " ".join(sorted(b - a)))
    for column, noun in MADE_WITH.items():
        texts = [", ".join(sorted({str(v) for v in cells[column].dropna()} - {""})) for cells in sides]
        if texts[0] != texts[1]:
            yield _changed(noun, *texts)
    yield from _same_cells(one, other)


def _changed(what: str, one: str, other: str) -> Change:
    return Change(what, one or _NONE, other or _NONE)


_OF_CELLS: Mapping[str, Callable[[pd.DataFrame], str]] = {
    "finished seeds": lambda cells: ", ".join(
        map(str, sorted({int(seed) for seed in cells.loc[cells["status"] == "done", "seed"].dropna()}))
    ),
    "status of unfinished cells": lambda cells: ", ".join(
        sorted(set(cells.loc[~cells["status"].isin(["done", "superseded"]), "status"]))
    ),
    "code": lambda cells: ", ".join(
        sorted(set(cells.loc[cells["status"] == "done", "version"].dropna().astype(str)) - {""})
    ),
}


def _per_cell(
    noun: str, value: Callable[[pd.DataFrame], str], sides: Sequence[pd.DataFrame]
) -> Iterator[Change]:
    """A change for each pair of values, with the tasks and labels that have it."""
    values = [{key: value(rows) for key, rows in grouped(cells, ["task", "label"])} for cells in sides]
    changed: dict[tuple[str, str], dict[str, list[str]]] = {}
    for (task, label), text in values[0].items():
        now = values[1].get((task, label))
        if now is not None and now != text:
            changed.setdefault((text, now), {}).setdefault(label, []).append(task)
    for (text, now), places in changed.items():
        alike: dict[tuple[str, ...], list[str]] = {}
        for label, tasks in places.items():
            alike.setdefault(tuple(tasks), []).append(label)
        for on, labels in alike.items():
            what = f"{noun} of {enumerate_words(labels)} on {enumerate_words(on)}"
            yield _changed(what, text, now)


def _settings(cells: pd.DataFrame) -> dict[str, set[str]]:
    return {
        str(task): {word for text in rows["settings"].dropna() for word in str(text).split()}
        for (task,), rows in grouped(cells, ["task"])
    }


def _same_cells(one: Data, other: Data) -> Iterator[Change]:
    """Cells of the same key whose predictions differ, which no noise can explain."""
    counts = []
    for data in (one, other):
        cells = data["cells"]
        done = cells.loc[cells["status"] == "done", ["cell", "task", "label", "seed"]]
        rows = data["accuracy-by-length-runs"].merge(done, on=["task", "label", "seed"])
        keys = ["cell", "task", "label", "seed", "objective", "length"]
        counts.append(rows.set_index(keys)[["correct", "predictions"]].sort_index())
    others = counts[1].rename(columns={"correct": "correct_other", "predictions": "predictions_other"})
    both = counts[0].join(others, how="inner")
    apart = both[
        (both["correct"] != both["correct_other"]) | (both["predictions"] != both["predictions_other"])
    ]
    for (cell, task, label, seed), rows in grouped(apart.reset_index(), ["cell", "task", "label", "seed"]):
        row = rows.iloc[0]
        yield Change(
            f"predictions of cell {cell[:8]} ({label} on {task}, seed {seed}), the same in both",
            f"{row['correct']:.0f} of {row['predictions']:.0f} right",
            f"{row['correct_other']:.0f} of {row['predictions_other']:.0f} right",
        )
