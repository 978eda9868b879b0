"""Prose, tables and a figure of time and memory by length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from posharness.contracts import Chart, Section
from posharness_reports.figures.palette import looks
from posharness_reports.figures.panels import MOST_SHARED, Panel, behind, side_by_side
from posharness_reports.figures.sentences import cost

__all__ = ["describe"]

_ABOUT = (
    "What a training step (forward, loss, backward, optimiser) of a causal model of two layers of width 64 "
    "takes in one thread: the median processor time, and the peak of memory above what the process held "
    "before. The figure divides both by the number of tokens, so that a line is flat where cost grows with "
    "length, and rises where it grows with its square."
)


def describe(costs: pd.DataFrame) -> Section | None:
    """The section; None when nothing was measured.

    Args:
        costs: with the columns of `posharness.contracts.columns.COSTS`, or empty.
    """
    if costs.empty:
        return None
    measured = costs[costs["stopped"] == ""]
    tables = {}
    if len(measured):
        tables = {
            "Milliseconds of a training step": _by_length(measured, "seconds", lambda s: round(1000 * s, 1)),
            "MiB at the peak of a training step": _by_length(measured, "mebibytes", round),
        }
    stopped = costs.loc[costs["stopped"] != "", ["plugin", "length", "batch", "stopped"]]
    if len(stopped):
        tables["Measurements that were stopped"] = stopped.rename(
            columns={"length": "tokens", "batch": "sequences", "stopped": "reason"}
        )
    return Section("What a training step costs", _ABOUT, tables, _figures(measured))


def _by_length(measured: pd.DataFrame, column: str, rounded: Callable[[float], float]) -> pd.DataFrame:
    """A row for each plugin and batch, a column for each length; the cheapest at the longest first."""
    table = measured.pivot_table(index=["plugin", "batch"], columns="length", values=column, sort=True)
    table = table.sort_values(list(table.columns[::-1]), kind="stable", na_position="last")
    table = table.map(lambda value: value if pd.isna(value) else rounded(value)).reset_index()
    table.columns = [f"{name:,} tokens" if isinstance(name, int) else str(name) for name in table.columns]
    return table.rename(columns={"batch": "sequences"})


def _figures(measured: pd.DataFrame) -> dict[str, Chart]:
    batch = measured["batch"].max()
    rows = measured[measured["batch"] == batch]
    if rows.groupby("plugin").size().max() < 2 or rows.empty:
        return {}
    ends = rows.sort_values("length").groupby("plugin")["seconds"].last()
    panels = [
        _panel(rows, 1e6 * rows["seconds"], "Time", "µs per token"),
        _panel(rows, 1024 * rows["mebibytes"], "Memory", "KiB per token"),
    ]
    caption = f"Cost of a training step by length (sequences in a step: {batch})."
    if len(ends) > MOST_SHARED:
        ranked = list(ends.sort_values(kind="stable").index)
        named = {*ranked[: MOST_SHARED // 2], *ranked[-MOST_SHARED // 2 :]}
        grey = [behind(panel) for panel in panels]
        panels = [replace(panel, lines=panel.lines[panel.lines["label"].isin(named)]) for panel, _ in grey]
        caption += (
            " In colour: the four that take least time at their longest length, and the four that take most. "
        )
        caption += grey[0][1].format("plugins")
    figure = side_by_side([panels], looks(rows["plugin"]))
    return {caption: Chart("per-token", figure, rows, cost)}


def _panel(rows: pd.DataFrame, values: pd.Series[float], title: str, y_label: str) -> Panel:
    tokens = rows["length"] * rows["batch"]
    lines = pd.DataFrame({"label": rows["plugin"].astype(str), "x": rows["length"], "y": values / tokens})
    return Panel(
        title=title,
        lines=lines.reset_index(drop=True),
        x_label="tokens of a sequence",
        y_label=y_label,
        ticks={float(length): f"{length:,}" for length in sorted(set(rows["length"]))},
        log=True,
    )
