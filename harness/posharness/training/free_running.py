"""Free-running decoding: the model reads its own predictions instead of the targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from posharness.contracts import Batch
from posharness.model import Model
from posharness.training.batches import chosen, predicted

__all__ = ["free_running"]


def free_running(
    model: Model,
    batch: Batch,
    hidden: Float[Tensor, "m width"],
    objectives: int,
    positions: Callable[[], torch.Generator],
) -> Float[Tensor, "m width"]:
    """The hidden states of greedy decoding: the model has emitted what it reads, wherever it is scored.

    Where positions i and i + 1 are both scored, token i + 1 is the most probable class at i; all others
    stay. To decode one position after the other takes a pass for each. Here every position of a sequence
    is emitted at once, from the predictions of the pass before, until none of its tokens changes (Jacobi
    iteration, 2305.10427): the model being causal, a token is final as soon as those before it are. So no
    sequence takes more passes than it has scored positions, one that is decoded without a mistake takes
    none, and where nothing changes any more, every token is what greedy decoding gives.

    Args:
        hidden: the hidden states of the scored positions under teacher forcing (see `Model.scored`).
        objectives: the number of the model's objectives.
        positions: a generator for the encoding's position ids, the same at each call.

    Returns:
        The hidden states of the scored positions.
    """
    fed = batch.scored[:, :-1] & batch.scored[:, 1:]  # b n-1: token i + 1 is replaced
    sequence = batch.scored.nonzero()[:, 0]  # m
    batch, hidden = replace(batch, tokens=batch.tokens.clone()), hidden.clone()
    running = torch.arange(len(batch.tokens), device=hidden.device)  # r: sequences that change still
    for _ in range(fed.shape[1]):
        own = chosen(batch, running)
        emitted = _emitted(model, own, hidden[torch.isin(sequence, running)], objectives)  # r n
        tokens = own.tokens.clone()
        tokens[:, 1:] = torch.where(fed[running], emitted[:, :-1], tokens[:, 1:])
        changed = (tokens != own.tokens).any(1)  # r
        running = running[changed]
        if not len(running):
            break
        batch.tokens[running] = tokens[changed]
        hidden[torch.isin(sequence, running)] = model.scored(chosen(batch, running), positions())
    return hidden


def _emitted(
    model: Model, batch: Batch, hidden: Float[Tensor, "m width"], objectives: int
) -> Int[Tensor, "b n"]:
    """The most probable class of every scored position; -1 elsewhere."""
    emitted = torch.full_like(batch.tokens, -1)
    for index in range(objectives):
        place = predicted(batch, index)
        emitted[place] = model.logits(hidden[place[batch.scored]], index).argmax(-1)
    return emitted
