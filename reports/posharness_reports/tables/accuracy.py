"""Tables of accuracy: a summary, by dependency length and by evaluation length."""

from __future__ import annotations

import pandas as pd

from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.formatting import (
    UNDEFINED,
    below,
    count,
    difference,
    fraction,
    rank_range,
    reach,
    with_interval,
)
from posharness_reports.measures.accuracy import LEARNED, SCOPES, Learned, learned
from posharness_reports.measures.outcomes import FOLLOWED, UNCHANGED
from posharness_reports.measures.statistics import ALPHA, exact
from posharness_reports.study import Study
from posharness_reports.tables.tidy import folded, tidy

__all__ = ["by_distance", "by_length", "changes", "not_yet", "reaches", "shorter", "summary", "whole"]

_REACH = ["reach", "low", "high", "shortest", "longest"]

_CHANCE, _BLIND = "(chance)", "(blind)"

_SHARES = {"follows its source": FOLLOWED, "unchanged by others": UNCHANGED}


def summary(study: Study) -> pd.DataFrame:
    """One row for each task, objective and label that has a finished run, by task and rank."""
    points, runs = study.by_length
    defined = points[~points["undefined"]]
    measured = study.by_distance
    at_distances, reaches = (matching(frame, scope=SCOPES[0]) for frame in (measured.points, measured.reach))
    cells = study.cells[study.cells["status"] == "done"].groupby(["task", "label"])
    costs = cells[["parameters", "step_ms", "step_wall_ms"]].mean()
    rows = []
    by_rank = sorted(
        grouped(defined, ["task", "objective", "label"]),
        key=lambda found: (found[0][:2], _place(study, found[0])),
    )
    for key, points_of_label in by_rank:
        task, objective, label = key
        cost = costs.loc[(task, label)]
        inside = points_of_label[points_of_label["length"] == points_of_label["train_length"]].iloc[:1]
        farthest, reached = _of(at_distances, key).iloc[-1:], _of(reaches, key)
        found = learned(runs, key)
        rows.append(
            {
                "task": title(task, objective, study.cells),
                "encoding": label,
                "rank": _rank(study, key),
                "seeds": int(points_of_label["seeds"].max()),
                "learned": _learned(found),
                "at training length": _first(inside),
                "at longest distance": _first(farthest),
                "whole sequences": _whole(study, key),
                "chance": fraction(points_of_label["chance"].mean()),
                "blind": fraction(points_of_label["blind"].mean()),
                **{name: _share(study, key, outcome) for name, outcome in _SHARES.items()},
                "area by distance": with_interval(*reached[["area", "area_low", "area_high"]].iloc[0])
                if len(reached)
                else "–",
                "reach": reach(*reached[_REACH].iloc[0]) if len(reached) else "–",
                **_beyond(study, key),
                "remark": not_yet(found).removeprefix("; ") or "–",
                "parameters": cost["parameters"],
                "ms per step": round(float(cost["step_ms"]), 1),
                "by the clock": round(float(cost["step_wall_ms"]), 1),
            }
        )
    if not rows:
        return pd.DataFrame()
    return folded(pd.DataFrame(rows).astype({"parameters": "Int64", "longest length": "Int64"}))


def shorter(summary: pd.DataFrame) -> pd.DataFrame:
    """The columns of a summary that a page has room for; runs that have learned a task are only counted."""
    first = pd.DataFrame(summary, columns=[name for name in _FIRST if name in summary])
    if "learned" in first:
        first["learned"] = first["learned"].str.partition(" [")[0]
    return first


_FIRST = (
    *("task", "encoding", "rank", "learned", "at training length"),
    *("area by distance", "reach", "in longer sequences"),
)


def _rank(study: Study, key: tuple[str, str, str]) -> str:
    """The ranks at the training length that the tests leave to a label; "–" if it is not ranked."""
    ranking = study.rankings.each.get((*key[:2], SCOPES[0]))
    return rank_range(*found) if ranking and (found := ranking.ranks(ALPHA).get(key[2])) else "–"


def _place(study: Study, key: tuple[str, str, str]) -> int:
    """The place of a label in the ranking at the training length; one that is not ranked is last."""
    ranking = study.rankings.each.get((*key[:2], SCOPES[0]))
    labels = ranking.labels if ranking else []
    return labels.index(key[2]) if key[2] in labels else len(labels)


def _whole(study: Study, key: tuple[str, str, str]) -> str:
    """The share of sequences at the training length that are right as a whole; "–" with one answer each."""
    rows = _of(study.whole_sequences, key)
    rows = rows[rows["length"] == rows["train_length"]]
    return with_interval(*rows[["share", "low", "high"]].iloc[0]) if len(rows) else "–"


def whole(study: Study, task: str, objective: str) -> pd.DataFrame:
    """Encodings by length: the share of sequences that are right as a whole, with its interval."""
    rows = matching(study.whole_sequences, task=task, objective=objective).sort_values("length")
    shown = [with_interval(*row) for row in rows[["share", "low", "high"]].itertuples(index=False)]
    table = rows.assign(shown=shown).pivot_table("shown", "label", "length", aggfunc="first").fillna("–")
    return table.rename_axis(index="encoding", columns=None).rename(columns=str).reset_index()


def _share(study: Study, key: tuple[str, str, str], outcome: str) -> str:
    """The share of answers with an outcome at the training length; "–" without interventions."""
    rows = matching(_of(study.outcomes.overall, key), scope=SCOPES[0], outcome=outcome)
    return fraction(rows["share"].iloc[0]) if len(rows) else "–"


def _learned(found: Learned | None) -> str:
    """The runs that have learned the task, with the exact interval of their share: "2 of 3 [.09, .99]"."""
    if found is None:
        return "–"
    low, high = exact(found.count, found.runs)
    return f"{found.count} of {found.runs} [{fraction(low)}, {fraction(high)}]"


def _beyond(study: Study, key: tuple[str, str, str]) -> dict[str, object]:
    """Accuracy at the longest tested length, and its change from each run's own at the training length."""
    points, _ = study.by_length
    rows = _of(points, key)
    longer = rows[rows["length"] > rows["train_length"]].sort_values("length")
    names = ("in longer sequences", "longest length", "change")
    if longer.empty:
        return dict(zip(names, ("–", pd.NA, "–"), strict=True))
    last = longer.iloc[-1]
    change = matching(_of(study.changes, key), length=last["length"])
    values = (
        UNDEFINED if last["undefined"] else with_interval(last["accuracy"], last["low"], last["high"]),
        int(last["length"]),
        difference(*change[["change", "low", "high"]].iloc[0]) if len(change) else "–",
    )
    return dict(zip(names, values, strict=True))


def not_yet(found: Learned | None) -> str:
    """The remark that a task is not learned at the training length, or not by all runs; "" otherwise."""
    if found is None or found.count == found.runs:
        return ""
    if found.count:
        return f"; learned there by {found.count} of {count(found.runs, 'run')}"
    return f"; not yet learned there ({below(found.score, LEARNED)})"


def changes(study: Study, task: str, objective: str) -> pd.DataFrame:
    """Encodings by length: the change of normalised accuracy from the training length, and a remark."""
    rows = matching(study.changes, task=task, objective=objective).sort_values("length")
    shown = [difference(*row) for row in rows[["change", "low", "high"]].itertuples(index=False)]
    table = rows.assign(shown=shown).pivot_table("shown", "label", "length", aggfunc="first").fillna("–")
    _, runs = study.by_length
    remarks = [
        not_yet(learned(runs, (task, objective, str(label)))).removeprefix("; ") for label in table.index
    ]
    table["at the training length"] = [remark or "learned" for remark in remarks]
    return table.rename_axis(index="encoding", columns=None).rename(columns=str).reset_index()


def reaches(measured: pd.DataFrame) -> pd.DataFrame:
    """Area and reach of every label: the reach in tokens with its interval, "≥" and "<" what was not tested.

    Args:
        measured: `Measured.reach`.
    """
    shown = [reach(*row) for row in measured[_REACH].itertuples(index=False)]
    kept = measured.drop(columns=["low", "high", "censored"])
    return tidy(kept.assign(reach=shown))


def by_distance(study: Study, task: str, objective: str, scope: str) -> pd.DataFrame:
    """Encodings by bucket of distance: accuracy with its interval; chance in the last row, and blind accuracy
    if it is another."""
    points = study.by_distance.points
    rows = matching(points, task=task, objective=objective, scope=scope)
    return _wide(rows.assign(place=rows["bucket"]), list(dict.fromkeys(rows.sort_values("x")["bucket"])))


def by_length(study: Study, task: str, objective: str) -> pd.DataFrame:
    """Encodings by evaluation length: accuracy with its interval or "undefined"; chance in the last row."""
    points, _ = study.by_length
    rows = matching(points, task=task, objective=objective).sort_values("length")
    names = {
        length: f"{length} (trained)" if length == trained else str(length)
        for length, trained in zip(rows["length"], rows["train_length"], strict=True)
    }
    return _wide(rows.assign(place=rows["length"].map(names)), list(names.values()))


def _wide(points: pd.DataFrame, places: list[str]) -> pd.DataFrame:
    undefined = points["undefined"] if "undefined" in points else pd.Series(False, index=points.index)
    intervals = zip(points["accuracy"], points["low"], points["high"], undefined, strict=True)
    shown = ["undefined" if none else with_interval(value, low, high) for value, low, high, none in intervals]
    table = points.assign(shown=shown).pivot_table("shown", "label", "place", aggfunc="first")
    table = table.reindex(columns=places).sort_index()
    rates = points.groupby("place")[["chance", "blind"]].mean()
    table.loc[_CHANCE] = rates["chance"].map(fraction)
    if not rates["blind"].map(fraction).equals(rates["chance"].map(fraction)):
        table.loc[_BLIND] = rates["blind"].map(fraction)
    return table.fillna("–").rename_axis(index="encoding", columns=None).reset_index()


def _of(frame: pd.DataFrame, key: tuple[str, str, str]) -> pd.DataFrame:
    return matching(frame, task=key[0], objective=key[1], label=key[2])


def _first(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "–"
    row = rows.iloc[0]
    return with_interval(row["accuracy"], row["low"], row["high"])
