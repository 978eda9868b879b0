"""Blocks of scores, of some queries of some sequences: several steps over one stay in a core's cache."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor

BLOCK = 2**18
"""Scores of a block, if it is not told otherwise."""


def block_sizes(shape: torch.Size, block: int | None = None) -> tuple[int, int]:
    """The numbers of queries and of sequences of a block.

    Args:
        shape: of the scores: sequences, heads, queries, keys.
    """
    _, h, queries, keys = shape
    most = BLOCK if block is None else block
    rows = max(1, min(queries, most // (h * keys)))
    return rows, max(1, most // (h * rows * keys))


def parts(size: int, by: int) -> Iterator[slice]:
    """0..size−1 in parts of `by`; the last may be smaller."""
    for start in range(0, size, by):
        yield slice(start, min(start + by, size))


def hiding(seen: Bool[Tensor, "#b 1 q k"], dtype: torch.dtype) -> Float[Tensor, "#b 1 q k"]:
    """What is added to scores: 0 where a query sees a key, else −∞."""
    # Adding is several times as fast as filling, and the mask has one head.
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, -torch.inf)


def of_sequences(x: Tensor, few: slice) -> Tensor:
    """The part of some sequences, or the one that all share."""
    return x if len(x) == 1 else x[few]
