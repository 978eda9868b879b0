"""Prose and tables of what each encoding was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped, matching
from posharness_reports.data.prepare import settings_text, title
from posharness_reports.formatting import fraction, show
from posharness_reports.measures.equal_cost import at_equal_cost
from posharness_reports.study import Study
from posharness_reports.tables.tidy import folded

__all__ = ["describe", "tried"]

_ABOUT = (
    "What each encoding was given, mean over its runs. *Own time*: steps times the median time of a step. "
    "Accuracy at equal steps and at equal time is that of the last validation within the steps, or the time, "
    "of the encoding that took least on the task. Memory is not measured by a run; `harness cost` measures "
    "it by length."
)

_TUNED = (
    "Settings were tuned for each encoding and task, with the same number of runs for all. These runs have "
    "seeds of their own and are part of no comparison; settings were chosen by their mean validation score, "
    "and of equal ones by the validation loss. The runs that are compared were trained anew with the chosen "
    "settings: a difference in a tuned setting does not make another task."
)

_SAME = "No settings were searched: on a task, all encodings have the same."


def describe(study: Study) -> Section | None:
    """The section; None when no run is done."""
    given = _given(study)
    if given.empty:
        return None
    tables = {"What each encoding was given": given}
    attempts = tried(study)
    if len(attempts):
        tables["Settings that were tried, and chosen"] = attempts
    prose = "\n\n".join([_ABOUT, _TUNED if len(attempts) else _SAME])
    return Section("What each encoding was given", prose, tables)


def _given(study: Study) -> pd.DataFrame:
    """A row for each task, objective and label."""
    done = study.cells[study.cells["status"] == "done"]
    numbers = ["parameters", "encoding_parameters", "steps", "step_ms"]
    costs = (
        done.astype(dict.fromkeys(numbers, float)).groupby(["task", "label"], observed=True)[numbers].mean()
    )
    trials = study.trials if len(study.trials) else pd.DataFrame(columns=["task", "label"])
    attempts = Counter(zip(trials["task"], trials["label"], strict=True))
    posed = dict(zip(study.cells["task"], study.cells["posed"], strict=True))
    rows: list[dict[str, Any]] = []
    for row in at_equal_cost(study).to_dict("records"):
        task, objective, label = row["task"], row["objective"], row["label"]
        cost = costs.loc[(task, label)]
        chosen = {settings_text(own) for own in _tuned(matching(done, task=task, label=label))}
        rows.append(
            {
                "task": title(task, objective, study.cells),
                "encoding": label,
                "runs": row["runs"],
                "parameters": round(cost["parameters"]),
                "of the encoding": round(cost["encoding_parameters"]),
                "steps": round(cost["steps"]),
                **(_tuning(attempts[posed[task], label], chosen - {""}) if attempts else {}),
                "ms per step": round(float(cost["step_ms"]), 1),
                "own time in s": round(float(cost["steps"] * cost["step_ms"]) / 1000, 1),
                "accuracy at equal steps": f"{fraction(row['at_steps'])} ({show(int(row['steps']))} steps)",
                "accuracy at equal time": f"{fraction(row['at_seconds'])} ({row['seconds']:.1f} s)",
            }
        )
    return pd.DataFrame(rows)


def _tuning(runs: int, chosen: Collection[str]) -> dict[str, Any]:
    """What a table says of tuning, where any settings were tuned."""
    return {"tuning runs": runs, "tuned settings": "; ".join(sorted(chosen)) or "–"}


def tried(study: Study) -> pd.DataFrame:
    """A row for each encoding, task and point of the grid: its runs, its mean validation score, if chosen."""
    if study.trials.empty:
        return pd.DataFrame()
    words = [settings_text(own) for own in _tuned(study.trials)]
    done = study.trials["status"] == "done"
    scores = study.trials["score"].astype(float).where(done, 0.0)
    trials = study.trials.assign(setting=words, score=scores, failed=~done)
    final = study.cells.assign(setting=[settings_text(own) for own in _tuned(study.cells)])
    chosen = set(zip(final["posed"], final["body"], final["label"], final["setting"], strict=True))
    rows = []
    for (task, body, label, setting), own in grouped(trials, ["task", "body", "label", "setting"]):
        rows.append(
            {
                "task": task,
                "body": body,
                "encoding": label,
                "setting": setting,
                "runs": len(own),
                "failed": int(own["failed"].sum()),
                "validation score": round(float(own["score"].mean()), 4),
                "chosen": "yes" if (task, body, label, setting) in chosen else "",
            }
        )
    return folded(pd.DataFrame(rows))


def _tuned(cells: pd.DataFrame) -> list[Mapping[str, Any]]:
    """The tuned settings of each cell."""
    return [own if isinstance(own, Mapping) else {} for own in cells["tuned"]]
