"""How long cells are expected to take, from how long others took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posharness.contracts.cell import Cell
    from posharness.cost.amount import Amount

__all__ = ["Expectation"]


@dataclass
class Expectation:
    """How fast some cells compute, and what follows for the others.

    A cell is expected to train as fast as others of its kind: those with its encoding on its task; else
    those of its task; else those with its encoding; else all. As long as no test of its task is known, it is
    expected to test as fast as it trains: how often a test decodes, and so how long it takes, depends on the
    task.

    Attributes:
        cells: every cell, by key.
        amounts: how much each of those that train computes.
    """

    cells: Mapping[str, Cell]
    amounts: Mapping[str, Amount]
    _training: _Paces = field(default_factory=lambda: _Paces())
    _testing: _Paces = field(default_factory=lambda: _Paces())
    _reading: _Paces = field(default_factory=lambda: _Paces())

    def add(self, key: str, *, training: float | None, testing: float | None) -> None:
        """Add the seconds that a whole training and a whole test take, where they are known.

        What a reading takes before it evaluates counts as its training.
        """
        cell = self.cells[key]
        if cell.pretrained:
            self._reading.add(cell, None if testing is None else (training or 0.0) + testing)
        elif amount := self.amounts.get(key):
            self._training.add(cell, training, amount.training)
            self._testing.add(cell, testing, amount.testing)

    def whole(self, key: str, *, made: float = 0.0) -> float | None:
        """Seconds of a cell from its start; None while nothing is known.

        A reading is expected to take no time before one has ended.

        Args:
            made: the part of its training that an attempt has made, from whose checkpoint it goes on.
        """
        cell = self.cells[key]
        if cell.pretrained:
            return self._reading.like(cell) or 0.0
        if key not in self.amounts:
            return 0.0  # it is skipped
        pace, test = self._pace(cell), self.test(key)
        if pace is None or test is None:
            return None
        return pace * (1 - made) * self.amounts[key].training + test

    def test(self, key: str) -> float | None:
        """Seconds of the test of a cell that trains; None while nothing is known."""
        cell = self.cells[key]
        pace = self._testing.like(cell, of_task=True)
        if pace is None:
            pace = self._pace(cell)
        return None if pace is None or key not in self.amounts else pace * self.amounts[key].testing

    def _pace(self, cell: Cell) -> float | None:
        return self._training.like(cell)


class _Paces:
    """Seconds for each operation, over the cells of each kind."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], tuple[float, float]] = {}

    def add(self, cell: Cell, seconds: float | None, amount: float = 1.0) -> None:
        if seconds is not None:
            for kind in _kinds(cell):
                before = self._sums.get(kind, (0.0, 0.0))
                self._sums[kind] = before[0] + seconds, before[1] + amount

    def like(self, cell: Cell, *, of_task: bool = False) -> float | None:
        """The pace of the cells, perhaps of its task only, that are most like this one; None without one."""
        kinds = [kind for kind in _kinds(cell) if not of_task or kind[0] in ("same", "task")]
        sums = next((self._sums[kind] for kind in kinds if kind in self._sums), None)
        return sums[0] / sums[1] if sums else None


def _kinds(cell: Cell) -> Iterator[tuple[str, ...]]:
    """What a cell has in common with others, from most to least."""
    task = (cell.task.label, cell.body_name)
    yield ("same", cell.label, *task)
    yield ("task", *task)
    yield ("encoding", cell.label)
    yield ("any",)
