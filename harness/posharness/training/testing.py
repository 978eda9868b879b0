"""The test of a trained model: its predictions at each length, and under interventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from posharness.contracts import Task
from posharness.contracts.cell import Budget, Cell
from posharness.contracts.columns import EXAMPLES, INTERVENTIONS, PREDICTIONS
from posharness.model import Model
from posharness.training.batches import evaluation_batch
from posharness.training.examples import examples
from posharness.training.interventions import intervened, interventions
from posharness.training.predictions import predictions
from posharness.training.scoring import score

__all__ = ["CellTest", "run_test", "split_lengths", "tested_sequences"]


class CellTest(NamedTuple):
    """What a test found.

    Attributes:
        predictions: the columns of `posharness.contracts.columns.PREDICTIONS`, beside the cell's identity.
        examples: likewise, of `EXAMPLES`.
        interventions: likewise, of `INTERVENTIONS`; None for a task without interventions.
    """

    predictions: pd.DataFrame
    examples: pd.DataFrame
    interventions: pd.DataFrame | None


def split_lengths(model: Model, task: Task) -> tuple[list[int], list[int]]:
    """The task's evaluation lengths: those for which the encoding is defined, and the others."""
    defined = [length for length in task.evaluation_lengths if model.body.defined(task, length)]
    return defined, [length for length in task.evaluation_lengths if length not in defined]


def tested_sequences(budget: Budget, task: Task) -> int:
    """The number of sequences that the test of one length scores, those of interventions included."""
    changed = 2 * min(budget.intervention_sequences, budget.test_sequences)
    return budget.test_sequences + (changed if type(task).intervene is not Task.intervene else 0)


def run_test(
    cell: Cell, model: Model, task: Task, *, tick: Callable[[int], None] = lambda _: None
) -> CellTest:
    """Test at every length for which the encoding is defined.

    Args:
        tick: called now and then with the number of newly scored sequences.
    """
    fed_back = task.autoregressive and cell.body != "encoder"
    found, shown, changed = [], [], []
    for length in split_lengths(model, task)[0]:
        batch = evaluation_batch(cell, task, length)
        purpose = ("test", cell.seed, length)
        answers = score(model, batch, len(task.objectives), purpose, fed_back=fed_back, tick=tick)
        found += [predictions(task, index, length, batch, part) for index, part in enumerate(answers)]
        tests = intervened(cell, model, task, length, batch, answers, tick=tick)
        changed += interventions(task, length, batch, tests)
        shown += examples(cell, task, length, batch, answers, tests)
    return CellTest(
        PREDICTIONS.checked(pd.concat(found, ignore_index=True)),
        EXAMPLES.checked(pd.concat(shown, ignore_index=True)),
        INTERVENTIONS.checked(pd.concat(changed, ignore_index=True)) if changed else None,
    )
