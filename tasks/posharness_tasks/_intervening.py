"""Changes tokens of a batch: the values that answers are, or those that nothing scored depends on."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Batch

__all__ = ["another", "change_values", "redraw_values", "sources_of_scored"]


def another(generator: torch.Generator, values: Int[Tensor, "n k"], classes: int) -> Int[Tensor, "n k"]:
    """Draw another one for each of the values 0 to classes − 1, uniformly."""
    return (values + torch.randint(1, classes, values.shape, generator=generator)) % classes


def change_values(batch: Batch, generator: torch.Generator, classes: int) -> Batch:
    """Change each answer where it is read: a token at the dependency length before the prediction.

    The token's id is the answer's class, and no two predictions of a sequence read the same token.
    """
    length = batch.tokens.shape[1]
    read = (torch.arange(length) - batch.dependency_length).where(batch.scored, length)
    targets = another(generator, batch.targets, classes).where(batch.scored, batch.targets)
    tokens = torch.nn.functional.pad(batch.tokens, (0, 1)).scatter(1, read, targets)[:, :length]
    return replace(batch, tokens=tokens.contiguous(), targets=targets)


def redraw_values(batch: Batch, generator: torch.Generator, classes: int) -> Batch:
    """Draw the tokens 0 to classes − 1 again where they are no source of a scored prediction."""
    drawn = torch.randint(classes, batch.tokens.shape, generator=generator)
    free = (batch.tokens < classes) & ~sources_of_scored(batch)
    return replace(batch, tokens=drawn.where(free, batch.tokens))


def sources_of_scored(batch: Batch) -> Bool[Tensor, "n length"]:
    """Where a source of some scored prediction is."""
    assert batch.source is not None
    length = batch.tokens.shape[1]
    places = batch.source.where(batch.source >= 0, length).flatten(1)
    found = torch.zeros(len(places), length + 1, dtype=torch.bool).scatter(1, places, True)
    return found[:, :length]
