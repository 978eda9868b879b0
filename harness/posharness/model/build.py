"""Builds the untrained model of a cell."""

from __future__ import annotations

from torch import nn

from posharness.contracts import Incompatible, Objective, Task
from posharness.contracts.cell import Cell
from posharness.contracts.incompatibilities import indivisible_width
from posharness.model.body import BODIES
from posharness.model.model import Model
from posharness.model.readout import READOUTS
from posharness.registry.registry import Registry
from posharness.seeds import seeded

__all__ = ["build_model"]


def build_model(cell: Cell, registry: Registry, task: Task) -> Model:
    """Build the model of a cell, with initial weights drawn from its seed.

    Args:
        task: prepared, so that its vocabulary is known.

    Raises:
        Incompatible: the parts cannot work together; the message says which and why.
    """
    if reason := indivisible_width(cell.model):
        raise Incompatible(reason)
    body = BODIES[cell.body](cell, registry, task)
    tokens = body.embedding.tokens
    return Model(body, [_readout(cell, objective, tokens) for objective in task.objectives])


def _readout(cell: Cell, objective: Objective, tokens: nn.Embedding) -> nn.Module:
    with seeded("weights", "readout", objective.name, cell.seed):
        return READOUTS[objective.readout](objective, tokens, cell.model)
