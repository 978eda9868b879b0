"""The test under interventions: does an answer follow its source, and stay where something else changes?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from posharness.contracts import Batch, Task
from posharness.contracts.cell import Cell
from posharness.contracts.columns import CHANGES, OUTCOMES
from posharness.model import Model
from posharness.seeds import generator
from posharness.training.batches import rows
from posharness.training.predictions import category, shared_columns
from posharness.training.scoring import Scored, score

__all__ = ["interventions"]

_FOLLOWED, _KEPT, _BROKE = range(len(OUTCOMES))


def interventions(
    cell: Cell,
    model: Model,
    task: Task,
    length: int,
    batch: Batch,
    answers: Sequence[Scored],
    *,
    tick: Callable[[int], None] = lambda _: None,
) -> list[pd.DataFrame]:
    """Score the first test sequences of one length twice more, once under each change.

    Position ids are those of the test. Free-running, the model reads its own answers wherever it did so in
    the test.

    Args:
        batch: the test sequences.
        answers: to them, as `score` gave them; as many lists as objectives, or twice as many if they were
            decoded free-running too.
        tick: called with the number of newly scored sequences.

    Returns:
        Frames with the columns of `posharness.contracts.columns.INTERVENTIONS`, unordered; none for a task
        without interventions.
    """
    count = min(cell.budget.intervention_sequences, len(batch.tokens))
    first = rows(batch, 0, count)
    frames = []
    for change, what in enumerate(CHANGES):
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
        for index, (before, after) in enumerate(zip(answers, found, strict=True)):
            kept = before.of(before.sequence < count)
            about = changed.scored[after.sequence, after.position]
            after, kept = after.of(about), kept.of(about)
            frame = shared_columns(task, index, length, first, after)
            size = len(after.correct)
            frames.append(
                frame.assign(
                    change=category(np.full(size, change, np.int8), CHANGES),
                    outcome=category(_outcome(kept.answer, after).numpy(), OUTCOMES),
                )
            )
    return frames


def _outcome(before: Tensor, after: Scored) -> Tensor:
    """Indices into `OUTCOMES`, given the answers (m,) before the change."""
    outcome = torch.full_like(before, _BROKE)
    outcome[after.answer == before] = _KEPT
    outcome[after.correct] = _FOLLOWED
    return outcome
