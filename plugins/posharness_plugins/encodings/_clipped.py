"""One number for each clipped distance, looked up for all pairs or summed over them: few pairs are near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.autograd.function import once_differentiable

from posharness_plugins.encodings._diagonals import consecutive, skewed

ROWS = 32
"""Queries that share a window of keys."""


@dataclass(frozen=True)
class Clipped:
    """The distances j − i of all pairs, clipped to −K..K, for ascending positions.

    Each pair has the row clip(round(j − i), −K, K) + K. For a few neighbouring queries, most keys are beyond
    K on the left or on the right and have the first or the last row: only the keys of a window between them
    need a look each. Where positions are consecutive, the window is a skewed view of the rows, repeated at
    both ends; elsewhere it is a product with ones and zeros.
    """

    pos_q: Shaped[Tensor, " q"]
    pos_k: Shaped[Tensor, " k"]
    clip: int

    @cached_property
    def consecutive(self) -> bool:
        """Whether each position is the one before it plus 1, of queries and of keys."""
        return consecutive(self.pos_k) and (self.pos_q is self.pos_k or consecutive(self.pos_q))

    def first_column(self, queries: slice, keys: slice) -> int:
        """For consecutive positions, the column of the first pair in rows with `ROWS` more at both ends."""
        return int((self.pos_k[keys.start] - self.pos_q[queries.start]).round()) + self.clip + ROWS

    def pattern(self, queries: slice, keys: slice, dtype: torch.dtype) -> Float[Tensor, "r w c"]:
        """1 in the row of each pair of some queries and keys, else 0."""
        distance = (self.pos_k[keys] - self.pos_q[queries, None]).round().clamp(-self.clip, self.clip)
        rows = torch.arange(-self.clip, self.clip + 1, device=distance.device)
        return (distance[..., None] == rows).to(dtype)

    def windows(self) -> Iterator[tuple[slice, slice]]:
        """Some queries, and the keys that are within K of one of them."""
        firsts = range(0, len(self.pos_q), ROWS)
        parts = [slice(first, min(first + ROWS, len(self.pos_q))) for first in firsts]
        lowest = self.pos_q[[part.start for part in parts]] - self.clip
        highest = self.pos_q[[part.stop - 1 for part in parts]] + self.clip
        starts = torch.searchsorted(self.pos_k, lowest.to(self.pos_k.dtype), right=True).tolist()
        stops = torch.searchsorted(self.pos_k, highest.to(self.pos_k.dtype)).tolist()
        for part, start, stop in zip(parts, starts, stops, strict=True):
            yield part, slice(start, max(start, stop))

    def add(self, s: Float[Tensor, "b h q k"], met: Float[Tensor, "b h q c"]) -> Float[Tensor, "b h q k"]:
        """s_ij + met[i, row(i, j)]."""
        added: Tensor = _Add.apply(s, met, self)  # type: ignore[no-untyped-call]
        return added

    def sum(self, weights: Float[Tensor, "b h q k"]) -> Float[Tensor, "b h q c"]:
        """Σ_j weights_ij over the pairs of each row."""
        sums: Tensor = _Sum.apply(weights, self)  # type: ignore[no-untyped-call]
        return sums


class _Add(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, s: Tensor, met: Tensor, clipped: Clipped) -> Tensor:
        ctx.clipped = clipped
        return _looked_up(met, clipped, s)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        return gradient, _summed(gradient, ctx.clipped), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, clipped: Clipped) -> Tensor:
        ctx.clipped = clipped
        return _summed(weights, clipped)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _looked_up(gradient, ctx.clipped, None), None


def _looked_up(
    met: Float[Tensor, "b h q c"], clipped: Clipped, onto: Float[Tensor, "b h q k"] | None
) -> Float[Tensor, "b h q k"]:
    out = met.new_empty(*met.shape[:3], len(clipped.pos_k))
    ends = (*met.shape[:3], ROWS)
    rows = torch.cat([met[..., :1].expand(ends), met, met[..., -1:].expand(ends)], -1)
    for queries, window in clipped.windows():
        found = met[:, :, queries]
        for keys, values in (
            (slice(0, window.start), found[..., :1]),
            (window, _near(rows, clipped, queries, window)),
            (slice(window.stop, None), found[..., -1:]),
        ):
            if onto is None:
                out[:, :, queries, keys] = values
            elif keys.start != keys.stop:
                torch.add(onto[:, :, queries, keys], values, out=out[:, :, queries, keys])
    return out


def _near(
    rows: Float[Tensor, "b h q c"], clipped: Clipped, queries: slice, window: slice
) -> Float[Tensor, "b h r w"]:
    """The numbers of the pairs of a window."""
    keys = window.stop - window.start
    some = rows[:, :, queries]
    if clipped.consecutive and keys:
        return skewed(some, keys, clipped.first_column(queries, window))
    # A product with ones and zeros, exact, is several times as fast as indexing.
    pattern = clipped.pattern(queries, window, rows.dtype)
    near = (some[..., ROWS:-ROWS].flatten(0, 1).transpose(0, 1) @ pattern.mT).transpose(0, 1)  # b·h r w
    return near.reshape(*some.shape[:3], keys)


def _summed(pairs: Float[Tensor, "b h q k"], clipped: Clipped) -> Float[Tensor, "b h q c"]:
    rows = pairs.new_zeros(*pairs.shape[:3], 2 * (clipped.clip + ROWS) + 1)
    for queries, window in clipped.windows():
        part, into = pairs[:, :, queries], rows[:, :, queries]
        if clipped.consecutive and window.start < window.stop:
            near = skewed(into, window.stop - window.start, clipped.first_column(queries, window))
            near.copy_(part[..., window])
        else:
            pattern = clipped.pattern(queries, window, pairs.dtype)
            near = part[..., window].flatten(0, 1).transpose(0, 1) @ pattern  # r b·h c
            into[..., ROWS:-ROWS] = near.transpose(0, 1).reshape(*into.shape[:3], -1)
        if window.start:
            into[..., 0] += part[..., : window.start].sum(-1)
        if window.stop < pairs.shape[-1]:
            into[..., -1] += part[..., window.stop :].sum(-1)
    sums = rows[..., ROWS:-ROWS].contiguous()
    sums[..., 0] += rows[..., :ROWS].sum(-1)
    sums[..., -1] += rows[..., -ROWS:].sum(-1)
    return sums
