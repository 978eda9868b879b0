"""The answer of a report as plain values in report.json, for the terminal and for the pages of a site."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from posharness_reports.compile.first_screen import FirstScreen
from posharness_reports.data.grouping import matching
from posharness_reports.figures.first_screen import everything
from posharness_reports.study import Study

__all__ = ["answer"]

_DIGITS = 4


def answer(study: Study, first: FirstScreen) -> dict[str, Any]:
    """What the first screen says.

    Returns:
        - `compared`: what was compared, on what.
        - `verdicts`: of each claim, its sign, outcome, text and detail.
        - `ranking`: what it is over (`on`), its first rows, and how many are `left`.
        - `curve`: the lines of the first figure: its name, title, ticks, and the values of each label.
        - `board`: normalised accuracy of each label on each task and scope. `like` is the same for runs that
          may be compared: those with the same settings, length and version of the task.
    """
    return {
        "compared": first.compared,
        "verdicts": [
            {"sign": each.sign, "outcome": each.outcome, "claim": each.claim, "detail": each.detail}
            for each in first.verdicts
        ],
        "ranking": {
            "on": first.ranked_on,
            "rows": [
                {"label": row.label, "ranks": row.ranks, "score": row.score, "best": row.best}
                for row in first.ranked
            ],
            "left": first.left,
        },
        "curve": _curve(first),
        "board": _board(study.trained),
    }


def _curve(first: FirstScreen) -> dict[str, Any]:
    if first.curve is None or not first.curve.readings.get("panels"):
        return {}
    series, panel = first.curve.readings["series"], first.curve.readings["panels"][0]
    lines: dict[str, list[float | None]] = {}
    for number, column, value, *_ in panel["points"]:
        lines.setdefault(series[number], [None] * len(panel["ticks"]))[column] = value
    return {
        "figure": first.curve.name,
        "title": panel["heading"],
        "axis": panel["axis"],
        "ticks": panel["ticks"],
        "lines": lines,
    }


def _board(study: Study) -> list[dict[str, Any]]:
    if study.predictions.empty:
        return []
    like = {
        name: _settings(matching(study.cells, task=task, status="done"))
        for name, (task, _) in study.titles.items()
    }
    return [
        {
            "task": row["task"],
            "scope": row["scope"],
            "label": row["label"],
            "value": round(row["value"], _DIGITS),
            "like": like[row["task"]],
        }
        for row in everything(study).to_dict("records")
        if row["value"] == row["value"]
    ]


def _settings(cells: Any) -> str:
    """A digest of everything but encoding, attention and seed that these cells were run with."""
    columns = ("settings", "body", "train_length", "task_version", "results_version")
    found = {
        json.dumps([row[name] for name in columns], sort_keys=True, default=str)
        for row in cells.to_dict("records")
    }
    return sha256("\n".join(sorted(found)).encode()).hexdigest()[:8]
