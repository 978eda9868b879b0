"""Versions of one plugin's code in one store: which of them counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

    from posharness.contracts.cell import Cell

__all__ = ["SUPERSEDED", "Versioned", "stands_in", "superseded", "versioned_rows"]

SUPERSEDED = "superseded"
"""Status in a report of a cell that another version of its code stands in for."""


class Versioned(NamedTuple):
    """A cell, and what decides whether it counts.

    Attributes:
        alike: what a cell of another version has in common with it: label, task, body, settings.
        version: of the code of its plugins and of the core's results.
        started: as text that sorts by time.
        pretrained: of a reading, the cell whose model is read.
    """

    cell: str
    alike: tuple[str, ...]
    version: str
    started: str
    pretrained: str

    @classmethod
    def of(cls, cell: Cell, started: str) -> Versioned:
        """Of a cell of a store."""
        alike = (cell.label, cell.task.label or cell.task.name, cell.body_name, str(cell.settings))
        version = f"{cell.version}.{cell.results_version}"
        return cls(cell.key, alike, version, started, cell.pretrained)


def superseded(cells: Iterable[Versioned], planned: Collection[str] = ()) -> dict[str, str]:
    """The cells that do not count, each with the version that stands in its place.

    Of several versions of alike cells the planned one counts, and without a plan the one begun last. A
    reading goes the way of the cell whose model it read.

    Args:
        planned: keys of the cells that were asked for.
    """
    ordered = sorted(cells, key=lambda cell: (cell.cell in planned, cell.started, cell.cell))
    current = {cell.alike: cell.version for cell in ordered}
    old = {cell.cell: current[cell.alike] for cell in ordered if cell.version != current[cell.alike]}
    readings = [cell for cell in ordered if cell.pretrained in old and cell.cell not in planned]
    return old | {cell.cell: old[cell.pretrained] for cell in readings}


def stands_in(version: str) -> str:
    """The reason of a cell that is superseded by another version."""
    return f"The version {version.partition('.')[0]} of its code stands in its place."


def versioned_rows(cells: pd.DataFrame) -> list[Versioned]:
    """The rows of `Frames.cells`."""
    columns = ("label", "task", "body", "settings", "version", "results_version", "started", "pretrained")
    read = {name: [_text(value) for value in cells[name]] for name in ("cell", *columns)}
    return [
        Versioned(cell, tuple(alike), f"{version}.{results}", started, pretrained)
        for cell, *alike, version, results, started, pretrained in zip(*read.values(), strict=True)
    ]


def _text(value: Any) -> str:
    return "" if value is None or str(value) in ("NaT", "nan", "<NA>") else str(value)
