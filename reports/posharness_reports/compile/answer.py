"""The answer of a report as plain values in report.json, for the terminal and for the pages of a site."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pandas as pd

from posharness_reports.compile.first_screen import FirstScreen
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import settings_text, title
from posharness_reports.figures.first_screen import everything
from posharness_reports.formatting import enumerate_words, short_names
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.study import Study

__all__ = ["answer"]

_DIGITS = 4
_LONGEST_NAME = 24


def answer(study: Study, first: FirstScreen) -> dict[str, Any]:
    """What the first screen says.

    Returns:
        - `compared`: what was compared, on what.
        - `verdicts`: of each claim, its sign, tone ("good", "bad" or "plain"), outcome, text and detail.
        - `ranking`: what it is over (`on`), its first rows, and how many are `left`.
        - `curve`: the lines of the first figure: its name, title, ticks, and the values of each label.
          `places` are those of the ticks from the left (0) to the right end (1) of the axes, `limits` the
          ends of the y axis, `bands` the ends of the intervals that are drawn, `chance` the name and values
          of the line of chance. `names` are different short names of the labels, for a terminal.
        - `board`: normalised accuracy of each label on each task and scope. `like` is the same for runs that
          may be compared: those with the same `settings`, length and version of the task. `at` says at what
          length and distance the value is, `seeds` of how many runs.
    """
    return {
        "compared": first.compared,
        "verdicts": [
            {
                "sign": each.sign,
                "tone": each.tone,
                "outcome": each.outcome,
                "claim": each.claim,
                "detail": each.detail,
            }
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
    ticks, (left, top, right, bottom), (zero, one) = panel["ticks"], panel["box"], panel["y"]
    lines: dict[str, list[float | None]] = {}
    bands: dict[str, list[list[float] | None]] = {}
    for number, column, *values in panel["points"]:
        read = dict(zip(panel["read"], values, strict=True))
        lines.setdefault(series[number], [None] * len(ticks))[column] = read["y"]
        if panel["bands"] and None not in (read["low"], read["high"]):
            own = bands.setdefault(series[number], [None] * len(ticks))
            own[column] = [read["low"], read["high"]]
    return {
        "figure": first.curve.name,
        "title": panel["heading"],
        "axis": panel["axis"],
        "ticks": ticks,
        "places": [round((x - left) / (right - left), _DIGITS) for x in panel["xs"]],
        "limits": [round((end - zero) / one, 2) for end in (bottom, top)],
        "lines": lines,
        "names": short_names(lines, _LONGEST_NAME),
        "bands": bands,
        "chance": panel["chance"],
    }


def _board(study: Study) -> list[dict[str, Any]]:
    if study.predictions.empty:
        return []
    cells = {
        name: matching(study.cells, task=task, status="done") for name, (task, _) in study.titles.items()
    }
    alike = {name: _settings(rows) for name, rows in cells.items()}
    words = {name: _words(rows) for name, rows in cells.items()}
    places = _places(study)
    return [
        {
            "task": row["task"],
            "scope": row["scope"],
            "label": row["label"],
            "value": round(row["value"], _DIGITS),
            "like": alike[row["task"]],
            "at": places[row["scope"], row["task"]][0],
            "settings": words[row["task"]],
            "seeds": places[row["scope"], row["task"]][1].get(row["label"], 0),
        }
        for row in everything(study).to_dict("records")
        if row["value"] == row["value"]
    ]


def _places(study: Study) -> dict[tuple[str, str], tuple[str, dict[str, int]]]:
    """By scope and task: at what length and distance values of the board are, and the seeds of each label."""
    points, _ = study.by_length
    far = matching(study.by_distance.points, scope=SCOPES[0])
    found: dict[tuple[str, str], tuple[str, dict[str, int]]] = {}
    for (task, objective), own in grouped(points, ["task", "objective"]):
        name = title(str(task), str(objective), study.cells)
        distances = matching(far, task=task, objective=objective)
        farthest = distances.loc[distances["x"] == distances["x"].max(), "bucket"]
        trained = own["length"] == own["train_length"]
        for scope, rows in zip(SCOPES, (own[trained], own[own["length"] > own["train_length"]]), strict=True):
            lengths = enumerate_words([str(length) for length in sorted(set(rows["length"]))])
            at = f"{lengths} tokens"
            if scope == SCOPES[0] and len(farthest):
                at += f", distance {farthest.iloc[0]}"
            seeds = rows.groupby("label", observed=True)["seeds"].max().dropna()  # none where it is undefined
            found[scope, name] = (at, {str(label): int(n) for label, n in seeds.items()})
    return found


def _words(cells: pd.DataFrame) -> str:
    """Everything but encoding, attention and seed that these cells were run with, as words: "width=64 …"."""
    rows = cells.to_dict("records")
    words = [
        f"{settings_text(row['settings'])} body={row['body']} train_length={row['train_length']:.0f}"
        for row in rows
    ]
    return " ".join(dict.fromkeys(word for text in words for word in text.split()))


def _settings(cells: pd.DataFrame) -> str:
    """A digest of everything but encoding, attention and seed that these cells were run with."""
    columns = ("settings", "body", "train_length", "task_version", "results_version")
    found = {
        json.dumps([row[name] for name in columns], sort_keys=True, default=str)
        for row in cells.to_dict("records")
    }
    return sha256("\n".join(sorted(found)).encode()).hexdigest()[:8]
