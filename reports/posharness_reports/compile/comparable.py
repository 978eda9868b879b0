"""Ranks and verdicts of two reports, as far as they rest on the same encodings and tasks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts.comparison import Change
from posharness_reports.compile.data_files import ranking_frames
from posharness_reports.data.prepare import place_name
from posharness_reports.formatting import difference as signed
from posharness_reports.formatting import enumerate_words
from posharness_reports.measures.ranking import rank_all
from posharness_reports.measures.statistics import ALPHA, Estimate, holm, mean_of_estimates

__all__ = [
    "Compared",
    "Data",
    "compare_ranks",
    "compare_verdicts",
    "p_of_gap",
    "place_names",
    "shared_runs",
    "why_untested",
]

Data = Mapping[str, pd.DataFrame]
"""The frames of `posharness_reports.compile.data_files.data_frames`."""

Key = tuple[Any, ...]
_ORDINALS = ("the first", "the second")
_NONE = "–"


@dataclass(frozen=True)
class Compared:
    """What differs of one kind, of how many, and sentences about what could not be compared."""

    changes: tuple[Change, ...]
    count: int
    notes: tuple[str, ...] = ()


def p_of_gap(one: Estimate, other: Estimate) -> float:
    """Two-sided p that two independent estimates have one mean; NaN if either has no error."""
    gap = _gap(one, other)
    return min(2 * min(gap.p_above(0.0), gap.p_below(0.0)), 1.0) if gap.error > 0 else float("nan")


def place_names(*sides: Data) -> Callable[[str, str], str]:
    """What to call a task and one of its objectives: by the task alone, if it has no other objective."""
    known = pd.concat([data["scores"][["task", "objective"]] for data in sides]).astype(str)
    objectives = known.groupby("task")["objective"].nunique()
    return lambda task, objective: task if objectives.get(task, 2) == 1 else place_name(task, objective)


def why_untested(one: Estimate, other: Estimate) -> str:
    """Which of two estimates has no error, as a clause; "" if both have one."""
    single = [name for name, side in zip(_ORDINALS, (one, other), strict=True) if not side.error > 0]
    return f"one seed in {enumerate_words(single)}" if single else ""


def _gap(one: Estimate, other: Estimate) -> Estimate:
    if not np.isfinite([one.error, other.error]).all():
        return Estimate(other.mean - one.mean, float("nan"), float("nan"))
    _, error, freedom = mean_of_estimates(
        np.zeros(2), np.array([one.error**2, other.error**2]), np.array([one.freedom, other.freedom])
    )
    return Estimate(other.mean - one.mean, float(error), float(freedom))


def shared_runs(*cells: pd.DataFrame) -> set[tuple[str, str]] | None:
    """The tasks and labels with finished cells on both sides; None if neither side has more."""
    sides = [_runs(rows[rows["status"] == "done"]) for rows in cells]
    return None if sides[0] == sides[1] else sides[0] & sides[1]


def _runs(rows: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(rows["task"].astype(str), rows["label"].astype(str), strict=True))


@dataclass(frozen=True)
class _Tested:
    """Whether a difference changed beyond noise, or why this was not tested."""

    beyond: bool | None
    why: str = ""


def _tested(one: Mapping[Key, Estimate], other: Mapping[Key, Estimate]) -> dict[Key, _Tested]:
    shared = [key for key in one if key in other]
    p = [p_of_gap(one[key], other[key]) for key in shared]
    corrected = holm([1.0 if np.isnan(each) else each for each in p])
    return {
        key: _Tested(None, why_untested(one[key], other[key])) if np.isnan(raw) else _Tested(value <= ALPHA)
        for key, raw, value in zip(shared, p, corrected, strict=True)
    }


# --- ranks

_RANKED = ("task", "objective", "scope", "label")
_PLACES = 3


def compare_ranks(one: Data, other: Data) -> Compared:
    """The ranks that differ.

    If the reports do not rank the same labels on the same tasks, both are ranked again by the scores that
    both have: a rank among other labels or over other tasks is another quantity.
    """
    sides, notes = _ranked_alike(one, other)
    pairs = _tested(*(_differences(frames["pairs"]) for frames in sides))
    shared = _rows_of_both(sides[0]["ranking"], sides[1]["ranking"], _RANKED)
    order = [_order(frames["pairs"]) for frames in sides]
    # A rank changes only with the pairs that are told apart in one report alone, or the other way round.
    own = {key: pair for key, pair in pairs.items() if order[0].get(key) != order[1].get(key)}
    return Compared(tuple(_rank_changes(shared, own, place_names(one, other))), len(shared), notes)


def _ranked_alike(one: Data, other: Data) -> tuple[tuple[Data, Data], tuple[str, ...]]:
    keys = list(_RANKED)
    sides = [set(data["scores"][keys].itertuples(index=False, name=None)) for data in (one, other)]
    if sides[0] == sides[1]:
        return (one, other), ()
    both = sides[0] & sides[1]
    again = [_ranked_again(data["scores"], both) for data in (one, other)]
    if not any(len(frames["ranking"]) for frames in again):
        return (again[0], again[1]), (
            "No ranks can be compared: no task has results of the same two encodings in both.",
        )
    only = [
        f"only {name} has {_places(own - both)}"
        for name, own in zip(_ORDINALS, sides, strict=True)
        if own - both
    ]
    note = f"Ranked again over what both have, as {'; '.join(only)}."
    return (again[0], again[1]), (f"{note} Ranks can so differ from those in the reports.",)


def _places(keys: Collection[Key]) -> str:
    """What was scored, shortly: labels, with the tasks that they were scored on."""
    on: dict[str, set[str]] = {}
    for task, _, _, label in keys:
        on.setdefault(str(label), set()).add(str(task))
    alike: dict[tuple[str, ...], list[str]] = {}
    for label in sorted(on):
        alike.setdefault(tuple(sorted(on[label])), []).append(label)
    texts = [f"{_few(labels)} on {_few(tasks)}" for tasks, labels in alike.items()]
    # Their parts are joined by "and": so they are told apart by semicolons.
    return "; ".join(
        texts if len(texts) <= _PLACES else [*texts[: _PLACES - 1], f"{len(texts) - _PLACES + 1} more"]
    )


def _few(words: Collection[str], most: int = 6) -> str:
    names = list(words)
    if len(names) <= most:
        return enumerate_words(names)
    return enumerate_words([*names[: most - 1], f"{len(names) - most + 1} more"])


def _ranked_again(scores: pd.DataFrame, keep: Collection[Key]) -> Data:
    keys = scores[list(_RANKED)].itertuples(index=False, name=None)
    rows = scores[np.fromiter((key in keep for key in keys), dtype=bool, count=len(scores))]
    parts = [
        f"{task}\x1f{objective}" for task, objective in zip(rows["task"], rows["objective"], strict=True)
    ]
    return ranking_frames(rank_all(rows.assign(part=parts, decoding=rows["ranked_as"])))


def _differences(pairs: pd.DataFrame) -> dict[Key, Estimate]:
    """The difference of two labels by place and by the labels in alphabetical order."""
    found: dict[Key, Estimate] = {}
    for row in pairs.to_dict("records"):
        first, second = sorted((row["better"], row["other"]))
        sign = 1.0 if row["better"] == first else -1.0
        key = (row["task"], row["objective"], row["scope"], first, second)
        found[key] = Estimate(sign * row["difference"], row["error"], row["freedom"])
    return found


def _order(pairs: pd.DataFrame) -> dict[Key, str]:
    """The better of two labels that are told apart, by the keys of `_differences`."""
    return {
        (row["task"], row["objective"], row["scope"], *sorted((row["better"], row["other"]))): row["better"]
        for row in pairs[pairs["p"] <= ALPHA].to_dict("records")
    }


def _rank_changes(
    shared: Mapping[Key, tuple[Any, Any]], pairs: Mapping[Key, _Tested], place: Callable[[str, str], str]
) -> Iterator[Change]:
    for (task, objective, scope, label), (a, b) in shared.items():
        texts = [_rank(row["best_rank"], row["worst_rank"]) for row in (a, b)]
        if texts[0] != texts[1]:
            where = f"over tasks, {objective}" if task == "" else f"on {place(task, objective)}"
            own = [
                found
                for key, found in pairs.items()
                if key[:3] == (task, objective, scope) and label in key[3:]
            ]
            rests = _together(own)
            what = f"{label}: rank {where}, {scope}"
            yield Change(what, texts[0], texts[1], rests.beyond, why=rests.why)


def _together(found: Collection[_Tested]) -> _Tested:
    """What a rank rests on: beyond noise if one difference is; noise only if all were tested."""
    if any(each.beyond for each in found):
        return _Tested(True)
    untested = [each for each in found if each.beyond is None]
    return untested[0] if untested else _Tested(False)


def _rank(best: int, worst: int) -> str:
    return str(best) if best == worst else f"{best}–{worst}"


# --- verdicts

_CONTRAST = ("claim", "better_side", "other_side", "decoding")
_RESTS_ON = {"better_labels": "encodings", "other_labels": "encodings", "tasks": "tasks"}
_Presets = Mapping[str, Mapping[str, Collection[str]]]
"""The labels with results on each task, by the name that the tasks share in the store."""


def compare_verdicts(
    one: Data, other: Data, again: tuple[pd.DataFrame, pd.DataFrame] | None = None
) -> Compared:
    """The verdicts that differ, of contrasts with the same encodings and tasks.

    Args:
        again: the verdicts of both over the encodings and tasks that both have; None where a report does not
            hold the runs that they are made from.
    """
    sides = [_judged(data["verdicts"], _presets(data["scores"])) for data in (one, other)]
    notes = []
    if again is not None and again[0] is not one["verdicts"] and any(len(frame) for frame in again):
        notes.append("Judged again over the encodings and tasks that both have.")
    judged = [_judged(frame, {}) for frame in again] if again is not None else sides
    comparable = {
        key: (row, judged[1][key])
        for key, row in judged[0].items()
        if key in judged[1] and all(row[name] == judged[1][key][name] for name in _RESTS_ON)
    }
    for key in dict.fromkeys((*sides[0], *sides[1])):
        if key not in comparable:
            hint = "" if again is not None else " Give the stores, to compare over what both have."
            notes.append(f"Not compared: {_contrast(key)}, as {_why_not(key, sides)}.{hint}")
    effects = _tested(*(
        {key: Estimate(pair[side]["effect"], pair[side]["error"], pair[side]["freedom"])
         for key, pair in comparable.items()}
        for side in (0, 1)
    ))  # fmt: skip
    changes = tuple(
        Change(
            _contrast(key, a),
            f"{a['verdict']} ({signed(a['effect'])})",
            f"{b['verdict']} ({signed(b['effect'])})",
            effects[key].beyond,
            float(b["effect"] - a["effect"]),
            why=effects[key].why,
        )
        for key, (a, b) in comparable.items()
        if a["verdict"] != b["verdict"]
    )
    return Compared(changes, len(comparable), tuple(notes))


def _judged(frame: pd.DataFrame, presets: _Presets) -> dict[Key, Any]:
    """The contrasts that were measured; what they rest on as sets.

    A contrast counts the settings of one task together, so it rests on each of them.
    """
    found: dict[Key, Any] = {}
    for row in frame[frame["effect"].notna()].to_dict("records"):
        sets = {column: set(str(row[column]).split(", ")) for column in _RESTS_ON}
        labels = sets["better_labels"] | sets["other_labels"]
        sets["tasks"] = {
            task
            for name in sets["tasks"]
            for task, own in presets.get(name, {name: labels}).items()
            if labels.intersection(own)
        }
        found[tuple(row[name] for name in _CONTRAST)] = row | sets
    return found


def _presets(scores: pd.DataFrame) -> _Presets:
    found: dict[str, dict[str, set[str]]] = {}
    for posed, task, label in scores[["posed", "task", "label"]].astype(str).itertuples(index=False):
        found.setdefault(posed, {}).setdefault(task, set()).add(label)
    return found


def _contrast(key: Key, row: Mapping[str, Any] | None = None) -> str:
    claim, better, other, decoding = key
    names = (row["better"], row["other"]) if row is not None else (better, other)
    return f"{claim}: {names[0]} against {names[1]}, {decoding}"


def _why_not(key: Key, sides: list[dict[Key, Any]]) -> str:
    """Why a contrast of at least one report cannot be compared, as a clause."""
    rows = [side.get(key) for side in sides]
    missing = [name for name, row in zip(_ORDINALS, rows, strict=True) if row is None]
    if missing:
        return f"{missing[0]} has no results of both sides on one task"
    clauses = []
    for column, noun in _RESTS_ON.items():
        own = [row[column] for row in rows if row is not None]
        for name, extra in zip(_ORDINALS, (own[0] - own[1], own[1] - own[0]), strict=True):
            if extra:
                clauses.append(f"only {name} has the {noun} {_few(sorted(extra))}")
    return enumerate_words(clauses) or "no task has results of the same encodings of both sides in both"


def _rows_of_both(
    one: pd.DataFrame, other: pd.DataFrame, keys: Collection[str]
) -> dict[Key, tuple[Any, Any]]:
    sides = [
        {tuple(row[key] for key in keys): row for row in frame.to_dict("records")} for frame in (one, other)
    ]
    return {key: (row, sides[1][key]) for key, row in sides[0].items() if key in sides[1]}
