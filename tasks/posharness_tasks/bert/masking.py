"""Masked language modelling's corruption of the input (1810.04805, section 3.1, task 1)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness_tasks.bert.vocabulary import FIRST_PIECE, MASK

__all__ = ["corrupt"]

_MASKED = 0.8
_REPLACED = 0.1


def corrupt(
    generator: torch.Generator,
    tokens: Int[Tensor, "b n"],
    words: Bool[Tensor, "b n"],
    *,
    rate: float,
    vocabulary: int,
) -> tuple[Int[Tensor, "b n"], Bool[Tensor, "b n"]]:
    """Choose max(1, round(rate · m)) of the m words of each sequence, and hide most of them.

    A chosen token becomes [MASK] with probability .8, a uniformly drawn token that is not special with
    probability .1, and stays as it is with probability .1.

    Args:
        words: True where a token may be chosen: not on special tokens, not on padding.

    Returns:
        The corrupted tokens, and where the chosen ones stand: what is to be predicted.
    """
    wanted = (words.sum(1).double() * rate).round().clamp(min=1)[:, None]
    # The ranks of random keys are a random order; keys of the rest come after all of the words'.
    keys = torch.rand(tokens.shape, generator=generator) + (~words).float() * 2
    ranks = keys.argsort(1).argsort(1)
    chosen = words & (ranks < wanted)
    fate = torch.rand(tokens.shape, generator=generator)
    drawn = torch.randint(FIRST_PIECE, vocabulary, tokens.shape, generator=generator)
    corrupted = torch.where(chosen & (fate < _MASKED), MASK, tokens)
    replaced = chosen & (fate >= _MASKED) & (fate < _MASKED + _REPLACED)
    return torch.where(replaced, drawn, corrupted), chosen
