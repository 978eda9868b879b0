"""What every section is given: one cell for a task, label and seed, and unlike tasks told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from posharness.contracts import Frames
from posharness.contracts.columns import CELLS, CURVES, DECODINGS, MECHANISM, PREDICTIONS, Table, qualified
from posharness.contracts.versions import SUPERSEDED, stands_in, superseded, versioned_rows

__all__ = ["prepare", "settings_text", "title"]

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


def prepare(frames: Frames) -> Frames:
    """Frames fit to be grouped by task and label alone.

    - A task that was posed to several bodies, at several training lengths or under several settings
      becomes several: what differs is added to its name, so that unlike runs are never averaged.
    - Of several versions of a plugin's code the one started last counts, unless the frames say already
      which are superseded, and of several cells with the same task, label and seed too; the others keep
      their row in `cells` with the status "superseded", and lose their predictions, curves and mechanism.
    - A task whose code has several versions among the cells that count becomes several, so that runs on
      different versions of a task are not compared.
    - A reading goes the way of the model that it read: it is superseded with it, and where models of one
      label were made in different ways, what differs is added to the label of their readings.
    - `posed` is the task's name as the store has it.
    - An objective that was decoded free-running, or asked by a reading under a condition, becomes one of its
      own, such as "copy (free-running)": in the predictions and in the `objectives` of their cells.
    - Frames of a store without any finished cell get the columns they lack.
    - `started` becomes text, `cells` is in a fixed order.
    """
    cells = _complete(frames.cells, CELLS)
    for column in _TEXT:
        cells[column] = [_text(value) for value in cells[column]]
    # A folder that cannot be read has a row too, of which little is known.
    cells["task"] = [task or "unknown" for task in cells["task"]]
    cells = cells.astype({"seed": "Int64", "results_version": "Int64"})
    cells["started"] = [_moment(value) for value in cells["started"]]
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
        cells.loc[cells["cell"] == cell, "reason"] = stands_in(version)
    cells["task"] = _told_apart(cells, ~marked)
    cells["label"] = _by_making(cells)
    cells = cells.assign(old=marked).sort_values(
        ["task", "label", "seed", "started", "cell"], ignore_index=True
    )
    early = cells.pop("old").astype(bool)
    again = cells[~early].duplicated(["task", "label", "seed"], keep="last")
    again = again.reindex(cells.index, fill_value=False)
    again |= ~early & cells["pretrained"].isin(cells.loc[again, "cell"])
    cells.loc[again, "reason"] = "A later run of the same encoding and task stands in its place."
    early |= again
    cells.loc[early, "status"] = SUPERSEDED
    current = cells[~early].set_index("cell")
    done = cells[cells["status"] == "done"].set_index("cell")
    return Frames(
        cells,
        _of_cells(predictions, done),
        _of_cells(_complete(frames.curves, CURVES), current),
        _of_cells(_complete(frames.mechanism, MECHANISM), done),
    )


def title(task: str, objective: str, cells: pd.DataFrame) -> str:
    """What a measurement is of: the task, and the objective where the task has several.

    Args:
        cells: prepared.
    """
    stated = set().union(*cells.loc[cells["task"] == task, "objectives"])
    return f"{task}: {objective}" if len(stated) > 1 else str(task)


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
    """The rows of these cells, under the names that the cells have by now."""
    named = {name: rows["cell"].map(cells[name]) for name in ("task", "label")}
    fresh = {name: names.astype("category") for name, names in named.items()}
    return rows.assign(**fresh)[named["task"].notna()].reset_index(drop=True)


def _told_apart(cells: pd.DataFrame, current: pd.Series[bool]) -> list[str]:
    """The name of each cell's task, with what sets it apart from others of that name.

    Args:
        current: which cells count: a version of the task's code that none of them has sets nothing apart.
    """
    suffixes: dict[Any, list[str]] = {index: [] for index in cells.index}
    for _, rows in cells.groupby("task", sort=False):
        lengths = rows["train_length"].dropna()
        words = {index: {f"{k}={v}" for k, v in own.items()} for index, own in rows["settings"].items()}
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


def _by_making(cells: pd.DataFrame) -> list[str]:
    """The label of each cell; of readings, with how their model was made where one label has several ways."""
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


def _moment(value: Any) -> str:
    """A start as ISO 8601 text in UTC, from text, a timestamp or seconds since 1970; "" when unknown."""
    if not _text(value):
        return ""
    stamp = pd.Timestamp(value, unit="s") if isinstance(value, int | float) else pd.Timestamp(value)
    return (stamp.tz_convert("UTC") if stamp.tzinfo else stamp).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Sequence) else ()
