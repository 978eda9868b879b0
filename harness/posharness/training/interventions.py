"""The test under interventions: does an answer follow its source, and stay where something else changes?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from posharness.contracts import Batch, Change, Task
from posharness.contracts.cell import Cell
from posharness.contracts.columns import CHANGES, OUTCOMES
from posharness.model import Model
from posharness.seeds import generator
from posharness.training.batches import rows
from posharness.training.predictions import category, shared_columns
from posharness.training.scoring import Scored, score

__all__ = ["Changed", "intervened", "interventions"]

_FOLLOWED, _KEPT, _BROKE = range(len(OUTCOMES))


@dataclass(frozen=True, slots=True)
class Changed:
    """The test of one length under one change.

    Attributes:
        what: was changed.
        batch: the changed sequences, the first ones of the test.
        before: the answers to the unchanged sequences, of the predictions that the change is about: an item
            for each objective, and for each again if they were decoded free-running too.
        after: likewise, to the changed sequences.
    """

    what: Change
    batch: Batch
    before: list[Scored]
    after: list[Scored]


def intervened(
    cell: Cell,
    model: Model,
    task: Task,
    length: int,
    batch: Batch,
    answers: Sequence[Scored],
    *,
    tick: Callable[[int], None] = lambda _: None,
) -> list[Changed]:
    """Score the first test sequences of one length twice more, once under each change.

    Position ids are those of the test. Free-running, the model reads its own answers wherever it did so in
    the test.

    Args:
        batch: the test sequences.
        answers: to them, as `score` gave them; as many lists as objectives, or twice as many if they were
            decoded free-running too.
        tick: called with the number of newly scored sequences.

    Returns:
        An item for each change; none for a task without interventions.
    """
    count = min(cell.budget.intervention_sequences, len(batch.tokens))
    first = rows(batch, 0, count)
    tests = []
    for what in CHANGES:
        random = generator("intervention", cell.task.name, cell.seed, length, what)
        changed = task.intervene(first, random, what)
        if changed is None:
            continue
        found = score(
            model,
            replace(changed, scored=first.scored),
            len(task.objectives),
            ("test", cell.seed, length),
            fed_back=len(answers) > len(task.objectives),
            tick=tick,
        )
        about = [changed.scored[after.sequence, after.position] for after in found]
        kept = [before.of(before.sequence < count) for before in answers]
        tests.append(
            Changed(
                what,
                changed,
                [before.of(which) for before, which in zip(kept, about, strict=True)],
                [after.of(which) for after, which in zip(found, about, strict=True)],
            )
        )
    return tests


def interventions(task: Task, length: int, batch: Batch, tests: Sequence[Changed]) -> list[pd.DataFrame]:
    """The outcomes, with the columns of `posharness.contracts.columns.INTERVENTIONS`, unordered.

    Args:
        batch: the test sequences, unchanged.
    """
    frames = []
    for test in tests:
        for index, (before, after) in enumerate(zip(test.before, test.after, strict=True)):
            change = np.full(len(after.correct), CHANGES.index(test.what), np.int8)
            frames.append(
                shared_columns(task, index, length, batch, after).assign(
                    change=category(change, CHANGES),
                    outcome=category(_outcome(before.answer, after).numpy(), OUTCOMES),
                )
            )
    return frames


def _outcome(before: Tensor, after: Scored) -> Tensor:
    """Indices into `OUTCOMES`, given the answers (m,) before the change."""
    outcome = torch.full_like(before, _BROKE)
    outcome[after.answer == before] = _KEPT
    outcome[after.correct] = _FOLLOWED
    return outcome
