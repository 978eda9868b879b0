"""Tables of accuracy: a summary, by dependency length and by evaluation length."""

from __future__ import annotations

import pandas as pd

from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import title
from posharness_reports.formatting import fraction, reach, with_interval
from posharness_reports.measures.accuracy import GATE, SCOPES, learned
from posharness_reports.study import Study

__all__ = ["by_distance", "by_length", "summary"]

_CHANCE = "(chance)"


def summary(study: Study) -> pd.DataFrame:
    """One row for each task, objective and label that has a finished run."""
    points, _ = study.by_length
    defined = points[~points["undefined"]]
    measured = study.by_distance
    at_distances, lengths = (matching(frame, scope=SCOPES[0]) for frame in (measured.points, measured.reach))
    cells = study.cells[study.cells["status"] == "done"].groupby(["task", "label"])
    costs = cells[["parameters", "step_ms"]].mean()
    rows = []
    for key, points_of_label in grouped(defined, ["task", "objective", "label"]):
        task, objective, label = key
        cost = costs.loc[(task, label)]
        inside = points_of_label[points_of_label["length"] == points_of_label["train_length"]].iloc[:1]
        farthest, length = _of(at_distances, key).iloc[-1:], _of(lengths, key)
        rows.append(
            {
                "task": title(task, objective, study.cells),
                "encoding": label,
                "seeds": int(points_of_label["seeds"].max()),
                "at training length": _first(inside),
                "at longest distance": _first(farthest),
                "chance": fraction(points_of_label["chance"].mean()),
                "effective length": reach(*length[["reach", "low", "high", "longest"]].iloc[0])
                if len(length)
                else "–",
                "in longer sequences": _beyond(points, key),
                "parameters": cost["parameters"],
                "ms per step": round(float(cost["step_ms"]), 1),
            }
        )
    return pd.DataFrame(rows).astype({"parameters": "Int64"}) if rows else pd.DataFrame()


def _beyond(points: pd.DataFrame, key: tuple[str, str, str]) -> str:
    """Accuracy at the longest tested length, or "not learned" (at the training length)."""
    rows = _of(points, key)
    longer = rows[rows["length"] > rows["train_length"]].sort_values("length")
    if longer.empty:
        return "–"
    score = learned(points, key)
    if score is not None and score < GATE:
        return "not learned"
    last = longer.iloc[-1]
    accuracy = (
        "undefined" if last["undefined"] else with_interval(last["accuracy"], last["low"], last["high"])
    )
    return f"{accuracy} at {last['length']}"


def by_distance(study: Study, task: str, objective: str, scope: str) -> pd.DataFrame:
    """Encodings by bucket of distance: accuracy with its interval, and chance in the last row."""
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
    table.loc[_CHANCE] = points.groupby("place")["chance"].mean().map(fraction)
    return table.fillna("–").rename_axis(index="encoding", columns=None).reset_index()


def _of(frame: pd.DataFrame, key: tuple[str, str, str]) -> pd.DataFrame:
    return matching(frame, task=key[0], objective=key[1], label=key[2])


def _first(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "–"
    row = rows.iloc[0]
    return with_interval(row["accuracy"], row["low"], row["high"])
