"""Tables of what was run: how cells ended, with which settings, and where."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from posharness.contracts.versions import SUPERSEDED
from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import settings_text
from posharness_reports.study import Study
from posharness_reports.tables.tidy import folded

__all__ = ["environments", "settings", "status", "unfinished"]


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
        stated = [text for text in dict.fromkeys(map(settings_text, own["settings"])) if text]
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


def _range(values: pd.Series[float]) -> str:
    known = sorted({int(value) for value in values.dropna()})
    return "–" if not known else str(known[0]) if len(known) == 1 else f"{known[0]}–{known[-1]}"
