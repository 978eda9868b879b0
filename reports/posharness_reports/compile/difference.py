"""What differs between the data of two reports, and which of it is more than noise between runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts.comparison import Change, Comparison
from posharness_reports.compile.comparable import (
    Compared,
    Data,
    compare_ranks,
    compare_verdicts,
    p_of_gap,
    place_names,
    why_untested,
)
from posharness_reports.compile.data_files import SETTING
from posharness_reports.data.grouping import grouped
from posharness_reports.data.made_with import MADE_WITH
from posharness_reports.formatting import enumerate_words, fraction
from posharness_reports.measures.statistics import ALPHA, Estimate, holm, run_mean
from posharness_reports.templates import fill_page

__all__ = ["compare"]

_NONE = "–"

_NOTHING = 1e-9
"""A smaller difference between means is a rounding error."""


@dataclass(frozen=True)
class _Number:
    """A number of a report, as the values of its runs."""

    values: tuple[float, ...]

    @property
    def estimate(self) -> Estimate:
        return run_mean(np.array(self.values))


def compare(
    one: Data, other: Data, names: tuple[str, str], again: tuple[pd.DataFrame, pd.DataFrame] | None = None
) -> Comparison:
    """Compare two reports.

    A number is the mean over runs. It differs beyond noise if Welch's test over runs says so at .05, after
    Holm's correction, in which the scores share one half and the numbers by length and by distance a quarter
    each. A number of the very same cells in both has no noise between runs, and so differs beyond it. A rank
    or a verdict differs beyond noise if the difference between encodings that it rests on does. What a test
    leaves open can be noise or not. What has a single seed in either report is not tested.

    Args:
        again: see `posharness_reports.compile.comparable.compare_verdicts`.
    """
    found = {
        "numbers": _numbers(one, other),
        "ranks": compare_ranks(one, other),
        "verdicts": compare_verdicts(one, other, again),
    }
    comparison = Comparison(
        names=names,
        ran=tuple(_ran(one, other)),
        numbers=_ordered(found["numbers"].changes),
        ranks=_ordered(found["ranks"].changes),
        verdicts=_ordered(found["verdicts"].changes),
        compared={kind: each.count for kind, each in found.items()},
        notes={kind: each.notes for kind, each in found.items() if each.notes},
        page=b"",
    )
    return replace(
        comparison,
        page=fill_page("difference.html.j2", (("numbers.js", "closed.js", "tables.js"),), found=comparison),
    )


def _ordered(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Those beyond noise first, then those that were not tested."""
    order = {True: 0, None: 1, False: 2}
    return tuple(sorted(changes, key=lambda change: (order[change.beyond_noise], change.p or 0.0)))


def _numbers(one: Data, other: Data) -> Compared:
    """The numbers that differ, of those that both reports have."""
    shared: list[tuple[str, _Number, _Number, float, bool]] = []
    place = place_names(one, other)
    cells = [_cells(data["cells"]) for data in (one, other)]
    alike = {run for run in cells[0] if cells[0][run] == cells[1].get(run)}
    for kind, (frame, value, keys, name) in _NUMBERS.items():
        sides = [_runs(data[frame], keys, value) for data in (one, other)]
        own = [
            (
                name(key, place(key[0], key[1])),
                sides[0][key],
                sides[1][key],
                (str(key[0]), str(key[-1])) in alike,
            )
            for key in sides[0]
            if key in sides[1]
        ]
        weight = _SHARES[kind] / max(len(own), 1)
        shared += [(what, a, b, weight, same) for what, a, b, same in own]
    p = [p_of_gap(a.estimate, b.estimate) for _, a, b, _, _ in shared]
    corrected = holm([1.0 if np.isnan(each) else each for each in p], [each[3] for each in shared])
    changes = []
    without_noise = 0
    for (what, a, b, _, same), raw, adjusted in zip(shared, p, corrected, strict=True):
        gap = b.estimate.mean - a.estimate.mean
        if abs(gap) > _NOTHING:
            texts = _told_apart(a.estimate.mean, b.estimate.mean)
            if same:
                changes.append(Change(what, *texts, difference=gap))
                without_noise += 1
            elif np.isnan(raw):
                why = why_untested(a.estimate, b.estimate)
                changes.append(Change(what, *texts, None, gap, why=why))
            else:
                changes.append(Change(what, *texts, adjusted <= ALPHA, gap, adjusted))
    notes = (f"{without_noise} of them are of the very same cells in both, which differ without any noise.",)
    return Compared(tuple(changes), len(shared), notes if without_noise else ())


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers that differ, with as many decimals as it takes to see it, and two at least."""
    texts = (fraction(one), fraction(other))
    digits = 3
    while texts[0] == texts[1]:
        texts = (f"{one:z.{digits}f}".replace("-", "−"), f"{other:z.{digits}f}".replace("-", "−"))
        digits += 1
    return texts


def _cells(cells: pd.DataFrame) -> dict[tuple[str, str], frozenset[str]]:
    """The finished cells of each task and label."""
    done = cells[cells["status"] == "done"]
    return {
        (str(task), str(label)): frozenset(rows["cell"])
        for (task, label), rows in grouped(done, ["task", "label"])
    }


_NUMBERS: Mapping[str, tuple[str, str, list[str], Callable[[Any, str], str]]] = {
    "score": (
        "scores",
        "value",
        ["task", "objective", "scope", "measure", "label"],
        lambda key, place: f"{key[4]} on {place}: {key[3]}, {key[2]}",
    ),
    "length": (
        "accuracy-by-length-runs",
        "accuracy",
        ["task", "objective", "length", "label"],
        lambda key, place: f"{key[3]} on {place}: accuracy at {key[2]} tokens",
    ),
    "distance": (
        "accuracy-by-distance-runs",
        "accuracy",
        ["task", "objective", "scope", "bucket", "label"],
        lambda key, place: f"{key[4]} on {place}: accuracy at distance {key[3]}, {key[2]}",
    ),
}
_SHARES = {"score": 0.5, "length": 0.25, "distance": 0.25}


def _runs(frame: pd.DataFrame, keys: list[str], value: str) -> dict[Any, _Number]:
    return {
        key: _Number(tuple(rows.loc[rows[value].notna(), value].astype(float)))
        for key, rows in grouped(frame, keys)
        if rows[value].notna().any()
    }


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


_OF_CELLS: Mapping[str, Callable[[pd.DataFrame], str | None]] = {
    "finished seeds": lambda cells: ", ".join(
        map(str, sorted({int(seed) for seed in cells.loc[cells["status"] == "done", "seed"].dropna()}))
    ),
    "status of unfinished cells": lambda cells: ", ".join(
        sorted(set(cells.loc[~cells["status"].isin(["done", "superseded"]), "status"]))
    ),
    "code": lambda cells: (
        ", ".join(sorted(set(cells.loc[cells["status"] == "done", "version"].dropna().astype(str)) - {""}))
        if (cells["status"] == "done").any()
        else None
    ),
}
"""What differs in the cells of a task and label, as text; None where these cells cannot say it."""


def _per_cell(
    noun: str, value: Callable[[pd.DataFrame], str | None], sides: Sequence[pd.DataFrame]
) -> Iterator[Change]:
    """A change for each pair of values, with the tasks and labels that have it.

    A label that one side never ran on a task has no cells there. Tasks and labels that only one side knows
    are left out: they are listed themselves.
    """
    values = [{key: value(rows) for key, rows in grouped(cells, ["task", "label"])} for cells in sides]
    none = [value(cells.iloc[:0]) for cells in sides]
    tasks, labels = (set.intersection(*(set(cells[name]) for cells in sides)) for name in ("task", "label"))
    changed: dict[tuple[str, str], dict[str, list[str]]] = {}
    for task, label in dict.fromkeys((*values[0], *values[1])):
        if task not in tasks or label not in labels:
            continue
        text, now = (own.get((task, label), empty) for own, empty in zip(values, none, strict=True))
        if text is not None and now is not None and now != text:
            changed.setdefault((text, now), {}).setdefault(label, []).append(task)
    for (text, now), places in changed.items():
        alike: dict[tuple[str, ...], list[str]] = {}
        for label, where in places.items():
            alike.setdefault(tuple(where), []).append(label)
        for on, who in alike.items():
            what = f"{noun} of {enumerate_words(who)} on {enumerate_words(on)}"
            yield _changed(what, text, now)


def _settings(cells: pd.DataFrame) -> dict[str, set[str]]:
    names = [name for name in cells.columns if name.startswith(SETTING)]
    return {
        str(task): {
            f"{name.removeprefix(SETTING)}={value}"
            for name in names
            for value in rows[name].dropna().unique()
        }
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
