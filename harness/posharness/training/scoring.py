"""Scoring the predictions of a model, for validation and for the test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness.contracts import Batch
from posharness.model import Model
from posharness.seeds import generator
from posharness.training.batches import predicted, rows
from posharness.training.free_running import free_running

__all__ = ["Scored", "score"]

_SCORES = 2**21
"""The largest number of attention scores of one head in one forward pass: it bounds the memory used."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The m predictions of one objective, on the CPU.

    Attributes:
        sequence: index into the batch.
        answer: the most probable class.
        correct: whether it is the target.
        log_prob: natural logarithm of the probability that the model gives the target.
    """

    sequence: Int[Tensor, " m"]
    position: Int[Tensor, " m"]
    answer: Int[Tensor, " m"]
    correct: Bool[Tensor, " m"]
    log_prob: Float[Tensor, " m"]

    def of(self, which: Bool[Tensor, " m"]) -> Scored:
        """Some of the predictions."""
        return Scored(*(getattr(self, field.name)[which] for field in fields(self)))

    @property
    def loss(self) -> float:
        """Mean cross-entropy; NaN without predictions."""
        return -self.log_prob.double().mean().item() if len(self.log_prob) else math.nan

    @property
    def accuracy(self) -> float:
        """Share of correct predictions; NaN without predictions."""
        return self.correct.double().mean().item() if len(self.correct) else math.nan


def score(
    model: Model,
    batch: Batch,
    objectives: int,
    purpose: tuple[str | int, ...],
    *,
    fed_back: bool = False,
    tick: Callable[[int], None] = lambda _: None,
) -> list[Scored]:
    """Score every prediction of a batch, objective by objective, without dropout or gradients.

    Args:
        objectives: the number of the model's objectives.
        purpose: seeds the draw of the encoding's position ids, which all sequences share.
        fed_back: whether to score the batch a second time, free-running; these predictions follow, again
            one list item for each objective.
        tick: called with the number of newly scored sequences.
    """
    device = next(model.parameters()).device
    positions = partial(generator, "positions", *purpose)
    longest = max(part.shape[1] for part in (batch.tokens, batch.memory) if part is not None)
    size = max(1, _SCORES // longest**2)
    parts: list[list[Scored]] = [[] for _ in range(objectives * (1 + fed_back))]
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for start in range(0, len(batch.tokens), size):
            chunk = rows(batch, start, start + size).to(device)
            passes = [model.scored(chunk, positions())]  # each m width, of all scored positions
            if fed_back:
                passes.append(free_running(model, chunk, passes[0], objectives, positions))
            for index, found in enumerate(parts):
                hidden = passes[index // objectives]
                found.append(_read(model, hidden, chunk, index % objectives, start))
            tick(len(chunk.tokens))
    model.train(was_training)
    return [_join(found) for found in parts]


def _read(model: Model, hidden: Float[Tensor, "m width"], batch: Batch, index: int, start: int) -> Scored:
    place = predicted(batch, index)
    sequence, position = place.nonzero(as_tuple=True)  # each of those of the objective
    logits = model.logits(hidden[place[batch.scored]], index)
    targets = batch.targets[place]
    log_prob = logits.float().log_softmax(-1).gather(1, targets[:, None]).squeeze(1)
    answer = logits.argmax(-1)
    parts = (sequence + start, position, answer, answer == targets, log_prob)
    return Scored(*(part.cpu() for part in parts))


def _join(parts: list[Scored]) -> Scored:
    return Scored(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Scored)))
