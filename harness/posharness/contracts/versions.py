"""Cells of several versions of a plugin's code in one store: which version counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

    from posharness.contracts.cell import Cell

__all__ = ["SUPERSEDED", "Versioned", "replacement_reason", "superseded", "versioned_rows"]

SUPERSEDED = "superseded"
"""The status in a report of a cell that is replaced by one of another version of its code."""


class Versioned(NamedTuple):
    """A cell, with the facts that decide whether it counts.

    Attributes:
        alike: what the same cell of another version has in common with it: label, task, body, settings.
        version: version of the code of its plugins, and of the core's results.
        started: when it started, as text that sorts by time.
        pretrained: for a reading, the cell that trained the model.
    """

    cell: str
    alike: tuple[str, ...]
    version: str
    started: str
    pretrained: str

    @classmethod
    def of(cls, cell: Cell, started: str) -> Versioned:
        """The facts about a cell of a store."""
        alike = (cell.label, cell.task.label or cell.task.name, cell.body_name, str(cell.settings))
        version = f"{cell.version}.{cell.results_version}"
        return cls(cell.key, alike, version, started, cell.pretrained)


def superseded(cells: Iterable[Versioned], planned: Collection[str] = ()) -> dict[str, str]:
    """The cells that do not count, each with the version that replaces it.

    Of several versions of a cell, the planned one counts; without a plan, the one that started last. A
    reading counts if the cell that trained its model counts.

    Args:
        planned: keys of the cells that a run selected.
    """
    ordered = sorted(cells, key=lambda cell: (cell.cell in planned, cell.started, cell.cell))
    current = {cell.alike: cell.version for cell in ordered}
    old = {cell.cell: current[cell.alike] for cell in ordered if cell.version != current[cell.alike]}
    readings = [cell for cell in ordered if cell.pretrained in old and cell.cell not in planned]
    return old | {cell.cell: old[cell.pretrained] for cell in readings}


def replacement_reason(version: str) -> str:
    """The reason that a report gives for a superseded cell."""
    return f"It is replaced by version {version.partition('.')[0]} of its code."


def versioned_rows(cells: pd.DataFrame) -> list[Versioned]:
    """The facts about each row of `Frames.cells`."""
    columns = ("label", "task", "body", "settings", "version", "results_version", "started", "pretrained")
    read = {name: [_text(value) for value in cells[name]] for name in ("cell", *columns)}
    return [
        Versioned(cell, tuple(alike), f"{version}.{results}", started, pretrained)
        for cell, *alike, version, results, started, pretrained in zip(*read.values(), strict=True)
    ]


def _text(value: Any) -> str:
    return "" if value is None or str(value) in ("NaT", "nan", "<NA>") else str(value)
