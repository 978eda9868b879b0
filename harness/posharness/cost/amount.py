"""How much a cell computes, as far as it is known before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posharness.contracts.cell import Cell, ModelSettings
from posharness.registry.registry import Registry
from posharness.training.testing import tested_sequences

__all__ = ["Amount", "amounts_of"]

_OF_A_BLOCK = 2.2e8
"""The floating-point operations that a CPU does in the time that one block of a training step takes beside
them: to start each operation, and to update the weights. A step of the calibration takes 3 ms for it in each
block, of 8 to 17 ms."""

_OF_A_TEST = 0.6
"""The cost of a token in a test over that of one in training: .5 to .9 in most of the calibration's tasks."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much a cell computes, in floating-point operations.

    Attributes:
        training: its training steps.
        testing: its tests, as the number of operations of training that take as long.
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
        parts = (cell.model, cell.task, cell.budget)
        kind = " ".join((cell.body, *(part.model_dump_json() for part in parts)))
        if kind not in alike:
            alike[kind] = _amount(cell, registry)
        found[cell.key] = alike[kind]
    return found


def _amount(cell: Cell, registry: Registry) -> Amount:
    task, budget = registry.task(cell.task, cell.body), cell.budget
    starts = _OF_A_BLOCK * cell.model.layers

    def sequence(length: int) -> float:
        if cell.body != "encoder-decoder":
            return _operations(cell.model, length)
        outputs = task.decoder_length(length)
        return _operations(cell.model, length) + _operations(cell.model, outputs, inputs=length)

    if cell.body == "encoder-decoder":
        starts *= 1 + 3 / 2  # a decoder's blocks have three parts where others have two
    step = budget.batch * sequence(task.length) + starts
    tested = tested_sequences(budget, task) * sum(map(sequence, task.evaluation_lengths))
    return Amount(budget.steps * step, _OF_A_TEST * tested)


def _operations(model: ModelSettings, tokens: int, inputs: int = 0) -> float:
    """Floating-point operations of a training step for one sequence, in all blocks of a stack.

    Attention multiplies a token by 4 width² weights, and by width numbers of each key, twice; a feed-forward
    of four times the width by 8 width². Each is a multiplication and an addition, and the backward pass takes
    twice as many as the forward pass (Kaplan et al. 2020, "Scaling Laws for Neural Language Models",
    section 2.1).

    Args:
        inputs: tokens of the sequence that a decoder's blocks attend to beside their own; 0 without one.
    """
    width = model.width
    attention = tokens * (4 * width**2 + 2 * tokens * width)
    across = 2 * (tokens + inputs) * width**2 + 2 * tokens * inputs * width if inputs else 0
    return 6 * model.layers * (attention + across + tokens * 2 * model.feedforward * width**2)
