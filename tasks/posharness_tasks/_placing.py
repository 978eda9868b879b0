"""Where sources and filler stand: at distances drawn alike, and so that counting tokens tells nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch

__all__ = ["different_rungs", "draw_rungs", "emitting", "haystack", "ladder"]


def ladder(shortest: int, longest: int, *, apart: int = 1) -> list[int]:
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


def draw_rungs(generator: torch.Generator, rungs: Sequence[int], n: int) -> Int[Tensor, "n 1"]:
    """A distance for each of n sequences."""
    return torch.tensor(rungs)[torch.randint(len(rungs), (n, 1), generator=generator)]


def different_rungs(generator: torch.Generator, rungs: Sequence[int], n: int, k: int) -> Int[Tensor, "n k"]:
    """k distances for each of n sequences, no two alike in one, each as likely in every place."""
    return torch.tensor(rungs)[torch.rand(n, len(rungs), generator=generator).argsort(1)[:, :k]]


def haystack(
    generator: torch.Generator,
    needles: Int[Tensor, "n k"],
    values: int,
    farthest: Int[Tensor, "n 1"],
    length: int,
) -> Int[Tensor, "n length"]:
    """Filler made of the values themselves, so that how often each occurs says nothing about the needles.

    Filler is drawn independently and uniformly; then each value that is no needle of its sequence is put
    at one random position before `farthest`. With its needles, a sequence holds every value once and
    otherwise values that were drawn without regard to the needles. What stands nearer than the farthest
    source is no help either: it was drawn without regard to the needles in any case.

    Args:
        needles: the values, different ones in each sequence, that the caller will put at `farthest` or later.
        farthest: values − k or more.
    """
    n, k = needles.shape
    filler = torch.randint(values, (n, length), generator=generator)
    others = torch.ones(n, values, dtype=torch.bool).scatter_(1, needles, False)
    taken = torch.arange(length) >= farthest  # n length
    order = torch.rand(n, length, generator=generator).masked_fill(taken, 2.0).argsort(1)
    return filler.scatter_(1, order[:, : values - k], others.nonzero()[:, 1].view(n, -1))


def emitting(
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
