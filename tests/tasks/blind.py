"""Shared by the tests of tasks: what all but the farthest source tells, counted in many draws."""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.stats import chi2
from torch import Tensor

from posharness.contracts import Batch, Task

from .interventions import RARE, one_prediction, seeded

__all__ = ["check_nothing_else_tells"]

Sample = Callable[[torch.Generator, int], Batch]

_DRAWS = 200_000
_USUAL = 20
"""A context that is met this many times for each answer counts."""


def check_nothing_else_tells(
    task: Task,
    *,
    length: int | None = None,
    numbered: Callable[[Batch, Tensor, Tensor], Tensor] | None = None,
    view: Callable[[Tensor], Tensor] = lambda tokens: tokens,
) -> None:
    """All answers are equally likely, given everything in sight but the farthest source.

    Give a task with so few sequences that most are met many times. One prediction of each sequence is looked
    at: the tokens, memory and segments in its sight, its position, and where the hidden source is.

    Args:
        length: length of the sequences; the training length by default.
        numbered: the number of an answer among those that are possible, given the batch, the position and the
            answer (each b, 1); the answer itself by default.
        view: what of the tokens is told apart, of which −1 is out of sight.
    """
    batch = task.sample(seeded(0), _DRAWS, length or task.length, "train")
    position, farthest = one_prediction(batch, seeded(1))
    place = torch.arange(batch.tokens.shape[1])
    tokens = batch.tokens.masked_fill((place > position) & (task.body != "encoder"), -1)
    if batch.memory is None:
        seen = [tokens.scatter(1, farthest, -1)]
    else:
        seen = [tokens, batch.memory.scatter(1, farthest, -1)]
    known = [*map(view, seen), position, farthest]
    if batch.segments is not None:
        known.append(batch.segments.masked_fill((place > position) & (task.body != "encoder"), -1))
    answer = batch.targets.gather(1, position)
    answer = answer if numbered is None else numbered(batch, position, answer)
    contexts, context = torch.cat(known, 1).unique(dim=0, return_inverse=True)
    options = 1 + int(answer.max())
    table = torch.zeros(len(contexts), options)
    table.index_put_((context, answer[:, 0]), torch.ones(len(context)), accumulate=True)
    table = table[table.sum(1) >= _USUAL * options]
    assert table.sum() > 0.5 * _DRAWS, "too few sequences are met often"
    expected = table.sum(1, keepdim=True) / options
    statistic = float(((table - expected).square() / expected).sum())
    assert chi2.sf(statistic, len(table) * (options - 1)) > RARE, "something else tells the answer"
    # With the blind accuracy that is declared, or chance, whoever knows all this is right.
    blind = torch.full(batch.scored.shape, task.objectives[0].chance) if batch.blind is None else batch.blind
    torch.testing.assert_close(blind.gather(1, position), torch.full(position.shape, 1 / options))
