"""How long cells are expected to take, from how long others took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell
    from posharness.cost.amount import Amount

__all__ = ["Expectation"]


@dataclass
class Expectation:
    """How fast some cells compute, and what follows for the others.

    A cell is expected to compute as fast as others of its kind: those with its encoding on its task; else
    those of its task; else those with its encoding; else all. As long as no test of its task is known, a cell
    tests as fast as it trains.

    Attributes:
        cells: every cell, by key.
        amounts: how much each of those that train computes.
    """

    cells: Mapping[str, Cell]
    amounts: Mapping[str, Amount]
    _training: _Means = field(default_factory=lambda: _Means())
    _testing: _Means = field(default_factory=lambda: _Means())
    _reading: _Means = field(default_factory=lambda: _Means())

    def add(self, key: str, *, training: float | None, testing: float | None) -> None:
        """Add the seconds that a whole training and a whole test take, where they are known."""
        cell = self.cells[key]
        if cell.pretrained:
            self._reading.add(cell, testing)
        elif amount := self.amounts.get(key):
            self._training.add(cell, training, amount.training)
            self._testing.add(cell, testing, amount.testing)

    def whole(self, key: str) -> float | None:
        """Seconds of a cell from its start; None while nothing is known.

        A reading is expected to take no time before one has ended.
        """
        cell = self.cells[key]
        if cell.pretrained:
            return self._reading.like(cell, "same", "task", "any") or 0.0
        if key not in self.amounts:
            return 0.0  # it is skipped
        pace, test = self._pace(cell), self.test(key)
        return None if pace is None or test is None else pace * self.amounts[key].training + test

    def test(self, key: str) -> float | None:
        """Seconds of the test of a cell that trains; None while nothing is known."""
        cell = self.cells[key]
        pace = self._testing.like(cell, "same", "task")
        if pace is None:
            pace = self._pace(cell)
        return None if pace is None or key not in self.amounts else pace * self.amounts[key].testing

    def _pace(self, cell: Cell) -> float | None:
        return self._training.like(cell, "same", "task", "encoding", "any")


class _Means:
    """Means of a number over the cells of each kind."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, ...], list[float]] = defaultdict(list)

    def add(self, cell: Cell, seconds: float | None, amount: float = 1.0) -> None:
        if seconds is not None:
            for kind in _kinds(cell):
                self._values[kind].append(seconds / amount)

    def like(self, cell: Cell, *kinds: str) -> float | None:
        """The mean over the cells that are like this one in the first kind of likeness that has any."""
        given = {kind[0]: kind for kind in _kinds(cell)}
        return next((fmean(self._values[given[kind]]) for kind in kinds if given[kind] in self._values), None)


def _kinds(cell: Cell) -> Iterator[tuple[str, ...]]:
    """What a cell has in common with others; the name of the likeness first."""
    task = (cell.task.label, cell.body_name)
    yield ("same", cell.label, *task)
    yield ("task", *task)
    yield ("encoding", cell.label)
    yield ("any",)
