"""The dependency length of a masked token: the distance to its nearest visible copy."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

__all__ = ["nearest_copy"]


def nearest_copy(
    shown: Int[Tensor, "b n"], original: Int[Tensor, "b n"], asked: Bool[Tensor, "b n"]
) -> Int[Tensor, "b n"]:
    """The distance from each asked position to the nearest other position that shows its original token.

    Args:
        shown: the corrupted input; a copy that is masked itself does not count.
        original: the tokens before corruption.
        asked: the positions to measure.

    Returns:
        (b, n): the distance, at least 1; −1 where no copy is visible or nothing was asked.
    """
    length = shown.shape[1]
    row, column = asked.nonzero(as_tuple=True)
    place = torch.arange(length)
    away = (place - column[:, None]).abs()
    copies = (shown[row] == original[row, column, None]) & (away > 0)
    nearest = torch.where(copies, away, length).amin(1)
    distance = torch.full_like(shown, -1)
    distance[row, column] = torch.where(nearest < length, nearest, -1)
    return distance
