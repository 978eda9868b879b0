"""Draws the distances and positions of sources, and builds the scored batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch

__all__ = [
    "different_distances",
    "draw_distances",
    "geometric_distances",
    "positions_before_queries",
    "scored_batch",
]


def geometric_distances(shortest: int, longest: int, *, apart: int = 1) -> list[int]:
    """Distances shortest·√2^i, rounded, from `shortest` to `longest`.

    Args:
        apart: smallest difference of two consecutive distances; a distance closer than that is left out.
    """
    rungs: list[int] = []
    half_octaves = 0
    while (rung := round(shortest * 2 ** (half_octaves / 2))) <= longest:
        if not rungs or rung >= rungs[-1] + apart:
            rungs.append(rung)
        half_octaves += 1
    return rungs


def draw_distances(generator: torch.Generator, rungs: Sequence[int], n: int) -> Int[Tensor, "n 1"]:
    """Draw a distance for each of n sequences, uniformly."""
    return torch.tensor(rungs)[torch.randint(len(rungs), (n, 1), generator=generator)]


def different_distances(
    generator: torch.Generator, rungs: Sequence[int], n: int, k: int
) -> Int[Tensor, "n k"]:
    """Draw k different distances for each of n sequences: uniform in each column.

    Args:
        rungs: the possible distances, at least k of them.
    """
    return torch.tensor(rungs)[torch.rand(n, len(rungs), generator=generator).argsort(1)[:, :k]]


def positions_before_queries(distance: Int[Tensor, "n v"], queries: int, length: int) -> Int[Tensor, "n v"]:
    """Positions at the given distances before the queries, which are the last tokens.

    Column i is counted from query i; columns beyond the last query are counted from the last token.
    """
    first = length - queries
    return torch.arange(first, first + distance.shape[1]).clamp(max=length - 1) - distance


def scored_batch(
    tokens: Int[Tensor, "n length"],
    position: Int[Tensor, "n k"],
    *,
    targets: Int[Tensor, "n k"],
    distance: Int[Tensor, "n k"],
    source: Int[Tensor, "n k s"],
) -> Batch:
    """The batch in which k positions of each sequence are scored.

    Args:
        position: the scored positions, all different within a sequence.
        targets, distance, source: of the prediction at each of these positions.
    """
    nowhere = torch.full_like(tokens, -1)
    everywhere = position[..., None].expand_as(source)
    return Batch(
        tokens=tokens,
        targets=torch.zeros_like(tokens).scatter(1, position, targets),
        scored=torch.zeros_like(tokens, dtype=torch.bool).scatter(1, position, True),
        dependency_length=nowhere.scatter(1, position, distance),
        source=nowhere[..., None].repeat(1, 1, source.shape[2]).scatter(1, everywhere, source),
    )
