"""How much a cell computes, as far as it is known before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posharness.contracts.cell import Cell
from posharness.registry.registry import Registry
from posharness.training.testing import tested_sequences

__all__ = ["Amount", "amounts_of"]

_OF_A_TEST = 0.6
"""The cost of a token in a test over that of one in training: .5 to .9 in most of the calibration's tasks."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much a cell computes.

    Attributes:
        training: tokens of its training steps.
        testing: its tests, as the number of tokens whose training costs as much.
    """

    training: float
    testing: float


def amounts_of(cells: Sequence[Cell], registry: Registry) -> dict[str, Amount]:
    """The amount of each cell that trains, by key."""
    found: dict[str, Amount] = {}
    alike: dict[str, Amount] = {}
    for cell in cells:
        if cell.skip or cell.pretrained:
            continue
        kind = f"{cell.body} {cell.task.model_dump_json()} {cell.budget.model_dump_json()}"
        if kind not in alike:
            alike[kind] = _amount(cell, registry)
        found[cell.key] = alike[kind]
    return found


def _amount(cell: Cell, registry: Registry) -> Amount:
    task = registry.task(cell.task, cell.body)

    def tokens(length: int) -> int:
        return length + (task.decoder_length(length) if cell.body == "encoder-decoder" else 0)

    tested = tested_sequences(cell.budget, task) * sum(map(tokens, task.evaluation_lengths))
    return Amount(cell.budget.steps * cell.budget.batch * tokens(task.length), _OF_A_TEST * tested)
