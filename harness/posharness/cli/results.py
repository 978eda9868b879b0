"""The results of a run in the terminal: a table of accuracies for each task, and the cells that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from posharness.cli.output import NOT_BEGUN, STYLES, number, table
from posharness.contracts.cell import Cell
from posharness.contracts.columns import qualified

if TYPE_CHECKING:
    import pandas as pd

    from posharness.results import Results

__all__ = ["Column", "columns", "print_results"]

_FARTHEST = 0.9
"""Predictions above this quantile of a task's dependency lengths count as far."""


@dataclass(frozen=True)
class Column:
    """An accuracy, by run and at chance.

    Attributes:
        heading: what was measured.
        length: the evaluation length that it was measured at.
        accuracy: by cell key; each run counts once, however many predictions it made.
        chance: accuracy without reading the input.
    """

    heading: str
    length: int
    accuracy: dict[str, float]
    chance: float


def print_results(out: Console, results: Results, planned: Sequence[Cell]) -> None:
    """Print the tables of the planned cells, and why those that were begun are not done."""
    state = results.cells.set_index("cell")
    state = state.reindex([*state.index, *(cell.key for cell in planned if cell.key not in state.index)])
    state["status"] = state["status"].fillna(NOT_BEGUN)
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in planned:
        groups.setdefault((cell.task.label, cell.body_name), []).append(cell)
    for (task, body), cells in groups.items():
        keys = [cell.key for cell in cells]
        rows = results.predictions[results.predictions["cell"].isin(keys)]
        trained = state.loc[state.index.isin(keys), "train_length"].dropna()
        measured = rows.groupby(["decoding", "objective", "condition"], observed=True)
        for (decoding, objective, condition), own in measured:
            # A table each: together they are wider than a terminal.
            name = qualified(str(objective), decoding=str(decoding), condition=str(condition))
            title = f"{task}, {body}" + (f": {name}" if measured.ngroups > 1 else "")
            _print_task(out, title, cells, columns(own, trained), state)
        if rows.empty:
            _print_task(out, f"{task}, {body}", cells, [], state)
    for cell in planned:
        status, reason = (str(state.loc[cell.key, name]) for name in ("status", "reason"))
        if status not in ("done", NOT_BEGUN):
            line = Text(status, style=STYLES[status]) + Text(f" {cell} ({cell.key[:8]}): {reason}")
            out.print(line, soft_wrap=True)


def columns(predictions: pd.DataFrame, trained: pd.Series[int]) -> list[Column]:
    """What cells reached in one objective: at the training length, far apart there, at the longest length.

    Args:
        predictions: of those cells.
        trained: training length of each of them; of no cell in the case of readings, which are asked of
            texts of any length.
    """
    test = predictions[predictions["split"] == "test"]
    if test.empty:
        return []
    if trained.empty:
        train_length, inside, heading = int(test["length"].max()), test, "all"
    else:
        train_length = int(trained.iloc[0])
        inside, heading = test[test["length"] == train_length], f"length {train_length}"
    found = [_column(heading, train_length, inside)]
    distances = inside.loc[inside["dependency_length"] >= 0, "dependency_length"]
    if len(distances.unique()) > 1:
        far = int(distances.quantile(_FARTHEST, interpolation="higher"))
        farthest = f"distance {far}" + ("" if far == distances.max() else f"–{distances.max()}")
        found.append(_column(farthest, train_length, inside[inside["dependency_length"] >= far]))
    if (longest := int(test["length"].max())) > train_length:
        found.append(_column(f"length {longest}", longest, test[test["length"] == longest]))
    return found


def _column(heading: str, length: int, rows: pd.DataFrame) -> Column:
    accuracy = rows.groupby("cell", observed=True)["correct"].mean()
    by_key = {str(key): float(value) for key, value in accuracy.items()}
    return Column(heading, length, by_key, float(rows["chance"].mean()))


def _print_task(
    out: Console, title: str, cells: Sequence[Cell], measured: Sequence[Column], state: pd.DataFrame
) -> None:
    labels: dict[str, list[str]] = {}
    for cell in cells:
        labels.setdefault(cell.label, []).append(cell.key)
    seeds = max(map(len, labels.values()))
    rows = table("accuracy", title=title + (f" (means of {seeds} seeds)" if seeds > 1 else ""))
    for column in measured:
        rows.add_column(column.heading, justify="right")
    rows.add_column("cells")
    for label, keys in labels.items():
        counts = Counter(str(state.loc[key, "status"]) for key in keys)
        statuses = Text(", ").join(
            Text(f"{count} {status}", style=STYLES[status]) for status, count in counts.items()
        )
        rows.add_row(label, *(_value(column, keys, state) for column in measured), statuses)
    if measured:
        rows.add_row("chance", *(number(column.chance) for column in measured), "", style="dim")
    out.print(rows)


def _value(column: Column, keys: Sequence[str], state: pd.DataFrame) -> str:
    reached = [column.accuracy[key] for key in keys if key in column.accuracy]
    if reached:
        return number(sum(reached) / len(reached))
    known = state.loc[[key for key in keys if state.loc[key, "status"] != NOT_BEGUN], "undefined_lengths"]
    undefined = any(column.length in lengths for lengths in known)
    return "undefined" if undefined else number(None)
