"""Tables of what was run: the status of cells, their settings, and where they ran."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from posharness.contracts.versions import SUPERSEDED
from posharness_reports.data.grouping import grouped
from posharness_reports.data.made_with import MADE_WITH
from posharness_reports.data.prepare import settings_text
from posharness_reports.study import Study
from posharness_reports.tables.tidy import folded

__all__ = ["data", "environments", "plugins", "settings", "status", "unfinished"]


def status(study: Study) -> pd.DataFrame:
    """The number of cells of each task and label, by status; rows are labels or tasks, whichever are more."""

    def count_by_status(statuses: pd.Series[str]) -> str:
        return ", ".join(f"{n} {name}" for name, n in sorted(Counter(statuses).items()))

    table = study.cells.pivot_table("status", "label", "task", aggfunc=count_by_status).fillna("–")
    table = table.rename_axis(index="encoding", columns="task")
    return (table if len(table) >= len(table.columns) else table.T).rename_axis(columns=None).reset_index()


def unfinished(study: Study) -> pd.DataFrame:
    """Every cell that is not done, with the reason; superseded cells are last."""
    rows = study.cells[study.cells["status"] != "done"]
    order = rows.assign(late=rows["status"] == SUPERSEDED).sort_values("late", kind="stable")
    return order[["status", "task", "label", "seed", "reason"]].rename(columns={"label": "encoding"})


def settings(study: Study) -> pd.DataFrame:
    """The known settings of each task."""
    cells = study.cells[study.cells["status"] != SUPERSEDED]
    rows = []
    for (task,), cells_of_task in grouped(cells, ["task"]):
        known_settings = [
            text for text in dict.fromkeys(map(settings_text, cells_of_task["settings"])) if text
        ]
        lengths = sorted({int(v) for v in cells_of_task["train_length"].dropna()})
        rows.append(
            {
                "task": task,
                "body": ", ".join(sorted(set(cells_of_task["body"]))),
                "training length": ", ".join(map(str, lengths)) or "–",
                "steps trained": _range(cells_of_task["steps"]),
                "seeds": ", ".join(map(str, sorted(set(cells_of_task["seed"].dropna())))),
                "settings": "; ".join(known_settings) or "–",
            }
        )
    return folded(pd.DataFrame(rows))


def environments(study: Study) -> pd.DataFrame:
    """The versions and machines of finished cells, and the number of cells for each."""
    done = study.cells[study.cells["status"] == "done"]
    counted = (
        done[list(MADE_WITH)].astype("string").replace("", pd.NA).fillna("unknown").value_counts(sort=False)
    )
    return folded(counted.rename("cells").reset_index())


def data(study: Study) -> pd.DataFrame:
    """What tasks say of their prepared data, such as the share of tokens that are no padding."""
    done = study.cells[study.cells["status"] == "done"]
    # Frames of earlier versions lack the column.
    told = zip(done["task"], done["facts"], strict=True) if "facts" in done else ()
    found = {(task, name, str(value)) for task, facts in told for name, value in (facts or {}).items()}
    return pd.DataFrame(sorted(found), columns=["task", "data", "value"])


def plugins(study: Study) -> pd.DataFrame:
    """The plugins behind the finished cells, with the package and file of each and the digest of its code."""
    columns = ("kind", "name", "package", "version", "file", "digest")
    done = study.cells[study.cells["status"] == "done"]
    found = {
        tuple(plugin.get(column) or "–" for column in columns)
        for used in done["plugins"].dropna()  # frames of earlier versions lack the column
        for plugin in used
    }
    table = pd.DataFrame(sorted(found), columns=list(columns))
    return folded(table.assign(digest=table["digest"].astype("string").str[:12]))


def _range(values: pd.Series[float]) -> str:
    known = sorted({int(value) for value in values.dropna()})
    return "–" if not known else str(known[0]) if len(known) == 1 else f"{known[0]}–{known[-1]}"
