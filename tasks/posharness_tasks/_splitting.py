"""Divides the sequences of a task among training, validation and test, so that no two share one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Split

__all__ = ["drawn_in", "in_split"]

_PARTS: dict[Split, tuple[int, ...]] = {"test": (0,), "validation": (1,), "train": (2, 3)}
_MULTIPLIER = 6364136223846793005
"""Of Knuth's MMIX generator."""
_AT_ONCE = 256
"""So many sequences take hardly longer to draw than a few: their number of steps is what takes time."""


def in_split(tokens: Int[Tensor, "n length"], split: Split) -> Bool[Tensor, " n"]:
    """Whether each sequence is one of this split's: a quarter is for test, a quarter for validation.

    A polynomial hash decides. Zeros after a sequence do not change it.
    """
    powers = torch.full((tokens.shape[1],), _MULTIPLIER).cumprod(0)
    digest = (tokens * powers).sum(1)
    for _ in range(2):  # else neighbours in a sequence's tokens would be neighbours here
        digest = (digest ^ (digest >> 32)) * _MULTIPLIER
    part = (digest >> 40) % 4
    return torch.isin(part, torch.tensor(_PARTS[split]))


def drawn_in(
    split: Split,
    n: int,
    draw: Callable[[Int[Tensor, " k"]], tuple[Int[Tensor, "k length"], Int[Tensor, "k m"]]],
) -> Int[Tensor, "n length"]:
    """Draw n sequences of a split: those of another one are drawn again.

    Args:
        draw: draws sequences, given their indices, and returns their tokens and what decides the split. Every
            index must have sequences in every split.
    """
    copies = max(1, _AT_ONCE // max(1, n))
    missing = torch.arange(n)
    drawn: Tensor | None = None
    while drawn is None or len(missing):
        tokens, deciding = draw(missing.repeat(copies))
        fits = in_split(deciding, split).view(copies, -1)
        found = fits.any(0)
        if drawn is None:
            drawn = tokens.new_empty(n, tokens.shape[1])
        first = fits.byte().argmax(0) * len(missing) + torch.arange(len(missing))
        drawn[missing[found]] = tokens[first[found]]
        missing = missing[~found]
    return drawn
