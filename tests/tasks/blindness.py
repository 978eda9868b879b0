"""What can be had without the farthest source: counted in so many draws that all contexts recur."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from posharness.contracts import Batch, Task

from .interventions import seeded

__all__ = ["accuracy_without_the_source", "check_blind", "without_farthest"]

_DRAWN = 40_000
_SEEN = 0.5
"""The least share of predictions whose context was met before."""


def without_farthest(task: Task, batch: Batch) -> tuple[list[Tensor], Tensor, Tensor]:
    """Each scored prediction by itself, and all that it sees but its farthest source, which is −1.

    What comes after a decoder's position is −1 too, as its answers stand there.

    Returns:
        The tokens, (m, n), and the memory where there is one; the answers and the positions, (m,).
    """
    assert batch.source is not None
    row, position = batch.scored.nonzero(as_tuple=True)
    source = batch.source[row, position]
    away = (source - position[:, None]).abs().masked_fill(source < 0, -1)
    farthest = source.gather(1, away.argmax(1, keepdim=True))
    tokens, memory = batch.tokens[row], None if batch.memory is None else batch.memory[row]
    if task.body != "encoder":
        tokens = tokens.masked_fill(torch.arange(tokens.shape[1]) > position[:, None], -1)
    if memory is None:
        tokens = tokens.scatter(1, farthest, -1)
    else:
        memory = memory.scatter(1, farthest, -1)
    seen = [tokens] if memory is None else [tokens, memory]
    return seen, batch.targets[row, position], position


def accuracy_without_the_source(
    task: Task, length: int, *, view: Callable[[Tensor], Tensor] = lambda tokens: tokens
) -> tuple[float, float]:
    """The accuracy of the answer that was commonest in the same context, and the error of this accuracy.

    Half of the draws are counted, and the other half is asked: those of them whose context was met.

    Args:
        view: what of the tokens is told apart.
    """
    seen, answers, position = without_farthest(task, task.sample(seeded(11), _DRAWN, length, "train"))
    context = torch.cat([position[:, None], *map(view, seen)], 1).unique(dim=0, return_inverse=True)[1]
    half = len(answers) // 2
    counts = torch.zeros(int(context.max()) + 1, task.objectives[0].classes)
    counts.index_put_((context[:half], answers[:half]), torch.ones(half), accumulate=True)
    asked = counts.sum(1)[context] > 0
    asked[:half] = False
    assert float(asked[half:].float().mean()) >= _SEEN, "contexts do not recur: ask for fewer"
    right = (counts.argmax(1)[context] == answers)[asked].float()
    return float(right.mean()), float(right.std()) / int(asked.sum()) ** 0.5


def check_blind(task: Task, length: int, *, view: Callable[[Tensor], Tensor] = lambda tokens: tokens) -> None:
    """Whoever knows everything but the farthest source is right by chance."""
    accuracy, error = accuracy_without_the_source(task, length, view=view)
    assert accuracy <= task.objectives[0].chance + 4 * error, accuracy
