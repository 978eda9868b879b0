"""Prepared frames: one cell for each task, label and seed, and different names for different tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness.contracts.columns import (
    CELLS,
    CURVES,
    DECODINGS,
    EXAMPLES,
    INTERVENTIONS,
    MECHANISM,
    PREDICTIONS,
    TUNING_STAGE,
    Table,
    qualified,
)
from posharness.contracts.versions import SUPERSEDED, replacement_reason, superseded, versioned_rows

__all__ = ["place_name", "prepare", "settings_text", "title", "without_trials"]

_TEXT = [
    *(
        "cell",
        "label",
        "task",
        "body",
        "status",
        "reason",
        "version",
        "task_version",
        "pretrained",
        "distance",
    ),
]


def without_trials(frames: Frames) -> tuple[Frames, pd.DataFrame]:
    """The frames without the cells that tried settings, and the rows of these cells."""
    if "stage" not in frames.cells or not (trials := frames.cells["stage"] == TUNING_STAGE).any():
        return frames, pd.DataFrame()
    kept = frames.only(set(frames.cells.loc[~trials, "cell"]))
    return kept, frames.cells[trials].reset_index(drop=True)


def prepare(frames: Frames) -> Frames:
    """Frames that can be grouped by task and label.

    - A task that was run with several bodies, training lengths or settings becomes several tasks:
      what differs is added to its name, so that different runs are never averaged. A setting that was tuned
      for a run does not count for it.
    - Of several versions of a plugin's code, only the version that started last counts, unless the frames
      already say which are superseded. Of several cells with the same task, label and seed, only the one that
      started last counts. The others keep their row in `cells` with the status "superseded", and lose their
      predictions, curves, mechanism, interventions and examples.
    - A task with several versions of its code among the cells that count becomes several tasks, so that runs
      on different versions of a task are not compared.
    - A reading is superseded together with the model that it read. If models of one label were trained in
      different ways, what differs is added to the label of their readings.
    - The column `posed` is the name of the task in the store.
    - An objective with free-running decoding, or one that a reading asks under a condition, becomes a
      separate objective, such as "copy (free-running)", in the predictions, the interventions, the examples
      and the `objectives` of their cells.
    - Frames of a store without a finished cell get the columns that they lack.
    - `started` becomes text, and `cells` is in a fixed order.
    """
    cells = _complete(frames.cells, CELLS)
    for column in _TEXT:
        cells[column] = [_text(value) for value in cells[column]]
    # A cell whose folder cannot be read has a row too, with few values.
    cells["task"] = [task or "unknown" for task in cells["task"]]
    cells = cells.astype({"seed": "Int64", "results_version": "Int64"})
    cells["started"] = [_utc(value) for value in cells["started"]]
    predictions = _qualified(_complete(frames.predictions, PREDICTIONS))
    cells["undefined_lengths"] = [_tuple(value) for value in cells["undefined_lengths"]]
    settings = [value if isinstance(value, Mapping) else {} for value in cells["settings"]]
    cells = cells.assign(settings=pd.Series(settings, cells.index, dtype=object))
    asked = _objectives(predictions)
    cells["objectives"] = [
        tuple(dict.fromkeys([*_tuple(stated), *asked.get(cell, ())]))
        for cell, stated in zip(cells["cell"], cells["objectives"], strict=True)
    ]
    cells["posed"] = cells["task"]
    marked = cells["status"] == SUPERSEDED
    old = superseded(versioned_rows(cells[~marked]))
    marked |= cells["cell"].isin(old)
    for cell, version in old.items():
        cells.loc[cells["cell"] == cell, "reason"] = replacement_reason(version)
    cells["task"] = _disambiguated_tasks(cells, ~marked)
    cells["label"] = _disambiguated_labels(cells)
    cells = cells.assign(old=marked).sort_values(
        ["task", "label", "seed", "started", "cell"], ignore_index=True
    )
    early = cells.pop("old").astype(bool)
    again = cells[~early].duplicated(["task", "label", "seed"], keep="last")
    again = again.reindex(cells.index, fill_value=False)
    again |= ~early & cells["pretrained"].isin(cells.loc[again, "cell"])
    cells.loc[again, "reason"] = "A later run of the same encoding and task replaces it."
    early |= again
    cells.loc[early, "status"] = SUPERSEDED
    current = cells[~early].set_index("cell")
    done = cells[cells["status"] == "done"].set_index("cell")
    return Frames(
        cells,
        _of_cells(predictions, done),
        _of_cells(_complete(frames.curves, CURVES), current),
        _of_cells(_complete(frames.mechanism, MECHANISM), done),
        _of_cells(_qualified(_complete(frames.interventions, INTERVENTIONS).assign(condition="")), done),
        _of_cells(_qualified(_complete(frames.examples, EXAMPLES).assign(condition="")), done),
        costs=frames.costs,
    )


def title(task: str, objective: str, cells: pd.DataFrame) -> str:
    """The name of what was measured: the task, and the objective if the task has several: "bert (mlm)".

    An objective of the task's own name is not repeated: "copy", "copy, free-running".

    Args:
        cells: prepared.
    """
    stated = set().union(*cells.loc[cells["task"] == task, "objectives"])
    if len(stated) < 2:
        return str(task)
    return place_name(task, objective)


def place_name(task: str, objective: str) -> str:
    """A task and one of its objectives as a name, without repeating the task: "copy, free-running".

    Args:
        task: with its options and what tells it apart, if any: "copy[symbols=8] (steps=100)".
    """
    name, _, qualifiers = objective.removesuffix(")").partition(" (")
    if name in (task.partition("[")[0].partition(" (")[0], ""):
        return ", ".join(filter(None, (task, qualifiers)))
    return f"{task} ({', '.join(filter(None, (name, qualifiers)))})"


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as they are shown: "width=64 layers=2"."""
    return " ".join(f"{name}={value}" for name, value in settings.items())


def _complete(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    return frame.assign(**{name: None for name in table.names if name not in frame})


def _qualified(rows: pd.DataFrame) -> pd.DataFrame:
    """Predictions whose objective says how it was decoded, and under which condition it was asked."""
    if rows.empty:
        return rows
    decoding = pd.Categorical(rows["decoding"], DECODINGS)
    objective, condition = (pd.Categorical(rows[name]) for name in ("objective", "condition"))
    parts = (decoding, objective, condition)
    if any((part.codes < 0).any() for part in parts):
        raise ValueError(
            f'Every prediction has an objective, a condition (or "") and a decoding of {DECODINGS}.'
        )
    sizes = tuple(len(part.categories) for part in parts)
    place = np.ravel_multi_index([part.codes.astype(np.int64) for part in parts], sizes)
    used = np.flatnonzero(np.bincount(place, minlength=int(np.prod(sizes))))
    names = [
        qualified(objective.categories[o], decoding=decoding.categories[d], condition=condition.categories[c])
        for d, o, c in zip(*np.unravel_index(used, sizes), strict=True)
    ]
    return rows.assign(objective=pd.Categorical.from_codes(np.searchsorted(used, place), pd.Index(names)))


def _objectives(predictions: pd.DataFrame) -> dict[str, list[str]]:
    """The objectives of each cell, in the order of its predictions."""
    found: dict[str, list[str]] = {}
    pairs = predictions[["cell", "objective"]].drop_duplicates()
    for cell, objective in pairs.itertuples(index=False):
        found.setdefault(str(cell), []).append(str(objective))
    return found


def _of_cells(rows: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """The rows of these cells, with the task and label that the prepared cells have."""
    named = {name: rows["cell"].map(cells[name]) for name in ("task", "label")}
    fresh = {name: names.astype("category") for name, names in named.items()}
    return rows.assign(**fresh)[named["task"].notna()].reset_index(drop=True)


def _disambiguated_tasks(cells: pd.DataFrame, current: pd.Series[bool]) -> list[str]:
    """The name of each cell's task, with what differs from other cells of that name.

    Args:
        current: the cells that count; a version of the task's code that only other cells have adds nothing.
    """
    suffixes: dict[Any, list[str]] = {index: [] for index in cells.index}
    for _, rows in cells.groupby("task", sort=False):
        lengths = rows["train_length"].dropna()
        tuned = {index: own if isinstance(own, Mapping) else {} for index, own in rows["tuned"].items()}
        words = {
            index: {f"{k}={v}" for k, v in own.items() if k not in tuned[index]}
            for index, own in rows["settings"].items()
        }
        # A cell that never began may state none, which sets it apart from nothing.
        common = set.intersection(*(filter(None, words.values()) if any(words.values()) else [set()]))
        for index, row in rows.iterrows():
            if len(set(rows["body"])) > 1:
                suffixes[index].append(row["body"])
            if len(set(lengths)) > 1 and pd.notna(row["train_length"]):
                suffixes[index].append(f"length {int(row['train_length'])}")
            suffixes[index] += sorted(words[index] - common)
        versions = rows.loc[current[rows.index], "task_version"]
        if len(set(versions) - {""}) > 1:
            for index, version in rows["task_version"].items():
                suffixes[index] += [f"version {version}"] if version else []
    return [
        f"{row['task']} ({', '.join(suffixes[index])})" if suffixes[index] else row["task"]
        for index, row in cells.iterrows()
    ]


def _disambiguated_labels(cells: pd.DataFrame) -> list[str]:
    """The label of each cell; for a reading, with the task of its model if that is ambiguous."""
    made = dict(zip(cells["cell"], cells["task"], strict=True))
    making = [model and made.get(model, model[:8]) for model in cells["pretrained"]]
    ways: dict[str, set[str]] = {}
    for label, how in zip(cells["label"], making, strict=True):
        ways.setdefault(label, set()).update([how] if how else [])
    return [
        f"{label}, {how}" if how and len(ways[label]) > 1 else label
        for label, how in zip(cells["label"], making, strict=True)
    ]


def _text(value: Any) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value)


def _utc(value: Any) -> str:
    """A start as ISO 8601 text in UTC, from text, a timestamp or seconds since 1970; "" if unknown."""
    if not _text(value):
        return ""
    stamp = pd.Timestamp(value, unit="s") if isinstance(value, int | float) else pd.Timestamp(value)
    return (stamp.tz_convert("UTC") if stamp.tzinfo else stamp).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Sequence) else ()
