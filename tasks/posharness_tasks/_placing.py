"""Where sources stand: at distances drawn alike, and so that nothing but the source tells the answer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch

__all__ = [
    "draw_distances",
    "each_value_once",
    "geometric_distances",
    "positions_before_queries",
    "scored_batch",
]


def geometric_distances(shortest: int, longest: int, *, apart: int = 1) -> list[int]:
    """Distances shortest·√2^i, rounded, from `shortest` to `longest`.

    A rung less than `apart` above the one before is left out.
    """
    rungs: list[int] = []
    half_octaves = 0
    while (rung := round(shortest * 2 ** (half_octaves / 2))) <= longest:
        if not rungs or rung >= rungs[-1] + apart:
            rungs.append(rung)
        half_octaves += 1
    return rungs


def draw_distances(generator: torch.Generator, rungs: Sequence[int], n: int) -> Int[Tensor, "n 1"]:
    """A distance for each of n sequences."""
    return torch.tensor(rungs)[torch.randint(len(rungs), (n, 1), generator=generator)]


def each_value_once(
    generator: torch.Generator, rungs: Sequence[int], n: int, values: int
) -> tuple[Int[Tensor, "n v"], Int[Tensor, "n v"]]:
    """Distances, no two alike in a sequence, and the value to put at each: each of v values at one of them.

    Any column may serve as what is asked for. Its distance is any rung, each as likely; its value is any of
    the v, each as likely whatever the distances of all columns are: so what is answered without regard to
    which column is asked for is right in one of v cases, however it is found.

    Args:
        rungs: as many as there are values, or more.
    """
    distance = torch.tensor(rungs)[torch.rand(n, len(rungs), generator=generator).argsort(1)[:, :values]]
    return distance, torch.rand(n, values, generator=generator).argsort(1)


def positions_before_queries(distance: Int[Tensor, "n v"], queries: int, length: int) -> Int[Tensor, "n v"]:
    """Places at these distances before the last `queries` tokens: the first column before the first of them.

    What no query asks for, the columns from `queries` on, is counted from the last token.
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
    """The batch whose predictions are emitted at k positions of each sequence, different ones."""
    nowhere = torch.full_like(tokens, -1)
    everywhere = position[..., None].expand_as(source)
    return Batch(
        tokens=tokens,
        targets=torch.zeros_like(tokens).scatter(1, position, targets),
        scored=torch.zeros_like(tokens, dtype=torch.bool).scatter(1, position, True),
        dependency_length=nowhere.scatter(1, position, distance),
        source=nowhere[..., None].repeat(1, 1, source.shape[2]).scatter(1, everywhere, source),
    )
