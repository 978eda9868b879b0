"""Names by which the same task is called the same in two reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from posharness_reports.compile.comparable import Data
from posharness_reports.compile.data_files import SETTING
from posharness_reports.data.grouping import grouped

__all__ = ["common_names", "renamed"]

_Ways = Mapping[str, frozenset[tuple[str, ...]]]
"""How each label was run on a task: the settings of its finished cells."""


def common_names(one: Data, other: Data) -> tuple[dict[str, str], dict[str, str]]:
    """New names of tasks in each of two reports, so that a task with the same settings has one name.

    A report that ran a task with several settings adds to its name what tells them apart, such as
    "copy (steps=100)"; in a report with one of these settings it is "copy". Of the two names, the longer one
    is given to both. A task is the same in both if the labels of both were run on it in the same way; with
    the same version of its code, if several have these settings.
    """
    sides = (one, other)
    posed = [_presets(data) for data in sides]
    taken = [set(data["cells"]["task"].astype(str)) for data in sides]
    names: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for task in sorted(posed[0].keys() & posed[1].keys()):
        left = [list(side[task]) for side in posed]
        for versions in (True, False):
            ways = [_ways(data["cells"], versions=versions) for data in sides]
            pairs = [(a, b) for a in left[0] for b in left[1] if _alike(ways[0][a], ways[1][b])]
            for pair in _unique(pairs):
                new = max(pair, key=lambda name: (len(name), name))
                for side, old in enumerate(pair):
                    left[side].remove(old)
                    if new != old and new not in taken[side]:
                        names[side][old] = new
    return names


def renamed(data: Data, names: Mapping[str, str]) -> Data:
    """The data of a report with other names of its tasks."""
    if not names:
        return data
    return {
        kind: frame.assign(task=[names.get(task, task) for task in frame["task"].astype(str)])
        if "task" in frame
        else frame
        for kind, frame in data.items()
    }


def _presets(data: Data) -> dict[str, list[str]]:
    """The tasks with results that share a name in the store."""
    found: dict[str, list[str]] = {}
    for posed, task in data["scores"][["posed", "task"]].drop_duplicates().itertuples(index=False):
        found.setdefault(str(posed), []).append(str(task))
    return found


def _ways(cells: pd.DataFrame, *, versions: bool) -> Mapping[str, _Ways]:
    columns = ["body", "train_length", *sorted(name for name in cells.columns if name.startswith(SETTING))]
    if versions:
        columns.append("task_version")
    found: dict[str, dict[str, frozenset[tuple[str, ...]]]] = {}
    for (task, label), rows in grouped(cells[cells["status"] == "done"], ["task", "label"]):
        ways = rows[columns].drop_duplicates().to_dict("records")
        found.setdefault(str(task), {})[str(label)] = frozenset(
            tuple(f"{name}={value}" for name, value in way.items() if pd.notna(value)) for way in ways
        )
    return found


def _alike(one: _Ways, other: _Ways) -> bool:
    both = one.keys() & other.keys()
    return bool(both) and all(one[label] == other[label] for label in both)


def _unique(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs of which neither name is in another pair."""
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    return [(one, other) for one, other in pairs if ones[one] == others[other] == 1]
