"""The dependency length of a token to predict: the distance to its nearest visible copy."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

__all__ = ["nearest_copy", "nearest_earlier_copy"]


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
    before, after = _neighbours(shown, original, asked)
    far = shown.shape[1]
    nearest = torch.minimum(before.where(before > 0, far), after.where(after > 0, far))
    return _at(asked, nearest.where(nearest < far, -1))


def nearest_earlier_copy(tokens: Int[Tensor, "b n"], asked: Bool[Tensor, "b n"]) -> Int[Tensor, "b n"]:
    """How far a decoder looks back for a copy of each asked token, which it predicts one position earlier.

    Args:
        tokens: the input, of which a prediction sees what comes before the asked token.

    Returns:
        (b, n), at the asked token: the distance from the position before it, where it is predicted, to its
        nearest earlier copy, at least 0; −1 where there is no copy or nothing was asked.
    """
    before, _ = _neighbours(tokens, tokens, asked)
    return _at(asked, (before - 1).where(before > 0, -1))


def _at(asked: Bool[Tensor, "b n"], distance: Int[Tensor, " m"]) -> Int[Tensor, "b n"]:
    found = torch.full(asked.shape, -1)
    found[asked] = distance
    return found


def _neighbours(
    shown: Int[Tensor, "b n"], original: Int[Tensor, "b n"], asked: Bool[Tensor, "b n"]
) -> tuple[Int[Tensor, " m"], Int[Tensor, " m"]]:
    """For each of the m asked positions, the distances to the last copy before it and the first after it.

    −1 where there is none. Every token of the batch has a key, ordered by sequence, token and position, so
    that copies are neighbours: O(n log n), where comparing all pairs takes gigabytes for long sequences.
    """
    length = shown.shape[1]
    ids = int(torch.maximum(shown.max(), original.max())) + 1
    row = torch.arange(len(shown))[:, None] * ids
    place = torch.arange(length)
    visible = ((row + shown) * length + place).flatten().sort().values  # b·n
    wanted = ((row + original) * length + place)[asked]  # m
    before = torch.searchsorted(visible, wanted) - 1
    after = torch.searchsorted(visible, wanted, right=True)
    return _distance(visible, wanted, before, length), _distance(visible, wanted, after, length)


def _distance(
    keys: Int[Tensor, " k"], wanted: Int[Tensor, " m"], index: Int[Tensor, " m"], length: int
) -> Int[Tensor, " m"]:
    inside = (index >= 0) & (index < len(keys))
    found = keys[index.clamp(0, len(keys) - 1)]
    same = inside & (found // length == wanted // length)
    return (found - wanted).abs().where(same, -1)
