"""The report's tables: a few that are read, and the tidy ones behind them that are computed with."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from posharness_reports.grouping import grouped, matching
from posharness_reports.measures import GATE, SCOPES
from posharness_reports.prepare import SUPERSEDED, title
from posharness_reports.study import Study
from posharness_reports.text import fraction, reach, with_interval

__all__ = [
    "by_distance",
    "by_length",
    "environments",
    "folded",
    "learned",
    "settings",
    "status",
    "summary",
    "tidy",
    "unfinished",
]

_CHANCE = "(chance)"
_NAMES = {
    "label": "encoding",
    "x": "position",
    "low": "low_95",
    "high": "high_95",
    "reach": "effective_length",
    "lengths": "evaluation_lengths",
    "mean": "mean_accuracy",
}


def summary(study: Study) -> pd.DataFrame:
    """One row for each task, objective and label that has a finished run."""
    points, _ = study.by_length
    held = points[~points["undefined"]]
    measured = study.by_distance
    far, heads = (matching(frame, scope=SCOPES[0]) for frame in (measured.points, measured.reach))
    cells = study.cells[study.cells["status"] == "done"].groupby(["task", "label"])
    costs = cells[["parameters", "step_ms"]].mean()
    rows = []
    for key, own in grouped(held, ["task", "objective", "label"]):
        task, objective, label = key
        cost = costs.loc[(task, label)]
        inside = own[own["length"] == own["train_length"]].iloc[:1]
        farthest, head = _of(far, key).iloc[-1:], _of(heads, key)
        rows.append(
            {
                "task": title(task, objective, study.cells),
                "encoding": label,
                "seeds": int(own["seeds"].max()),
                "at training length": _first(inside),
                "at longest distance": _first(farthest),
                "chance": fraction(own["chance"].mean()),
                "effective length": reach(*head[["reach", "low", "high", "longest"]].iloc[0])
                if len(head)
                else "–",
                "in longer sequences": _beyond(points, key),
                "parameters": cost["parameters"],
                "ms per step": round(float(cost["step_ms"]), 1),
            }
        )
    return pd.DataFrame(rows).astype({"parameters": "Int64"}) if rows else pd.DataFrame()


def learned(points: pd.DataFrame, key: tuple[str, str, str]) -> float | None:
    """The normalised score of a task, objective and label at the training length; None when not tested."""
    own = _of(points, key)
    inside = own[(own["length"] == own["train_length"]) & ~own["undefined"]]
    return None if inside.empty else float(inside["normalised"].iloc[0])


def _beyond(points: pd.DataFrame, key: tuple[str, str, str]) -> str:
    """What can be said of extrapolation: nothing of an encoding that has not learned the task itself."""
    own = _of(points, key)
    longer = own[own["length"] > own["train_length"]].sort_values("length")
    if longer.empty:
        return "–"
    score = learned(points, key)
    if score is not None and score < GATE:
        return "not learned"
    last = longer.iloc[-1]
    said = "undefined" if last["undefined"] else with_interval(last["accuracy"], last["low"], last["high"])
    return f"{said} at {last['length']}"


def by_distance(study: Study, task: str, objective: str, scope: str) -> pd.DataFrame:
    """Encodings by bucket, each field an accuracy with its interval; chance in the last row."""
    points = study.by_distance.points
    own = matching(points, task=task, objective=objective, scope=scope)
    return _wide(own.assign(place=own["bucket"]), list(dict.fromkeys(own.sort_values("x")["bucket"])))


def by_length(study: Study, task: str, objective: str) -> pd.DataFrame:
    """Encodings by evaluation length, "undefined" where an encoding has no value; chance in the last row."""
    points, _ = study.by_length
    own = matching(points, task=task, objective=objective).sort_values("length")
    names = {
        length: f"{length} (trained)" if length == trained else str(length)
        for length, trained in zip(own["length"], own["train_length"], strict=True)
    }
    return _wide(own.assign(place=own["length"].map(names)), list(names.values()))


def _wide(points: pd.DataFrame, places: list[str]) -> pd.DataFrame:
    undefined = points["undefined"] if "undefined" in points else pd.Series(False, index=points.index)
    intervals = zip(points["accuracy"], points["low"], points["high"], undefined, strict=True)
    shown = ["undefined" if none else with_interval(value, low, high) for value, low, high, none in intervals]
    table = points.assign(shown=shown).pivot_table("shown", "label", "place", aggfunc="first")
    table = table.reindex(columns=places).sort_index()
    table.loc[_CHANCE] = points.groupby("place")["chance"].mean().map(fraction)
    return table.fillna("–").rename_axis(index="encoding", columns=None).reset_index()


def status(study: Study) -> pd.DataFrame:
    """How many cells of each task and label ended how; the longer of the two runs down the page."""

    def counted(found: pd.Series[str]) -> str:
        return ", ".join(f"{n} {name}" for name, n in sorted(Counter(found).items()))

    table = study.cells.pivot_table("status", "label", "task", aggfunc=counted).fillna("–")
    table = table.rename_axis(index="encoding", columns="task")
    return (table if len(table) >= len(table.columns) else table.T).rename_axis(columns=None).reset_index()


def unfinished(study: Study) -> pd.DataFrame:
    """Every cell that is not done, with its reason."""
    rows = study.cells[study.cells["status"] != "done"]
    order = rows.assign(late=rows["status"] == SUPERSEDED).sort_values("late", kind="stable")
    return order[["status", "task", "label", "seed", "reason"]].rename(columns={"label": "encoding"})


def settings(study: Study) -> pd.DataFrame:
    """The settings of each task, as far as they are known."""
    cells = study.cells[study.cells["status"] != SUPERSEDED]
    rows = []
    for (task,), own in grouped(cells, ["task"]):
        stated = [text for text in dict.fromkeys(own["settings"]) if text]
        lengths = sorted({int(v) for v in own["train_length"].dropna()})
        rows.append(
            {
                "task": task,
                "body": ", ".join(sorted(set(own["body"]))),
                "training length": ", ".join(map(str, lengths)) or "–",
                "steps trained": _range(own["steps"]),
                "seeds": ", ".join(map(str, sorted(set(own["seed"].dropna())))),
                "settings": "; ".join(stated) or "–",
            }
        )
    return folded(pd.DataFrame(rows))


def environments(study: Study) -> pd.DataFrame:
    """The versions and machines that finished cells ran on, with the number of cells of each."""
    done = study.cells[study.cells["status"] == "done"]
    columns = ["torch", "python", "machine", "results_version"]
    counted = done[columns].astype("string").fillna("unknown").value_counts(sort=False)
    return folded(counted.rename("cells").reset_index())


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """A measured frame under the names that readers of its CSV file meet."""
    renamed = frame.rename(columns=_NAMES)
    whole = [name for name in ("train_length", "seeds", "predictions", "pairs") if name in renamed]
    return folded(renamed.astype(dict.fromkeys(whole, "Int64")))


def folded(frame: pd.DataFrame) -> pd.DataFrame:
    """A table that the page shows only when it is asked for."""
    frame.attrs["folded"] = True
    return frame


def _of(frame: pd.DataFrame, key: tuple[str, str, str]) -> pd.DataFrame:
    return matching(frame, task=key[0], objective=key[1], label=key[2])


def _first(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "–"
    row = rows.iloc[0]
    return with_interval(row["accuracy"], row["low"], row["high"])


def _range(values: pd.Series[float]) -> str:
    known = sorted({int(value) for value in values.dropna()})
    return "–" if not known else str(known[0]) if len(known) == 1 else f"{known[0]}–{known[-1]}"
