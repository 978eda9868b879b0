"""Shared by the encodings that look up a learned number for each distance."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from posharness.contracts import Geometry, UserError
from posharness_plugins.encodings._diagonals import along_diagonals, line_of_distances

Values = Callable[[Shaped[Tensor, " n"]], Float[Tensor, "h n"]]
"""From distances j − i to a number of each head for each of them."""


def whole(distances: Shaped[Tensor, " n"]) -> Int[Tensor, " n"]:
    """The nearest integers."""
    return distances.round().long()


def bias_by_distance(
    values: Values, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"]
) -> Float[Tensor, "1 h q k"]:
    """b_ij = values(j − i); where positions are consecutive, each distance is computed once."""
    line = line_of_distances(pos_q, pos_k)
    if line is None:
        pairs = (pos_k - pos_q[:, None]).flatten()
        return values(pairs).view(1, -1, len(pos_q), len(pos_k))
    return along_diagonals(values(line), len(pos_q))[None]


def look_up(table: Float[Tensor, "h rows"], rows: Int[Tensor, " n"]) -> Float[Tensor, "h n"]:
    """table[:, rows].

    Raises:
        RuntimeError: a row is out of range.
    """
    # Twenty times as fast as indexing with `rows`, whose backward pass is serial.
    return table.index_select(1, rows)


class Buckets(nn.Module):
    """T5's buckets of distance (1910.10683, section 2.1, and its code).

    Of the B buckets of one side, the first B/2 hold one distance each, the others grow geometrically up to
    `max_distance`, and the last one holds all greater distances: bucket(n) = n for n < B/2, else min(B − 1,
    B/2 + ⌊log(n/(B/2))/log(max_distance/(B/2))·(B − B/2)⌋). In a bidirectional body each side has half of the
    buckets, keys to the right the second half; in a causal body the left side has all of them.

    Attributes:
        number: number of rows that a table needs.
    """

    def __init__(self, geometry: Geometry, *, buckets: int, max_distance: int) -> None:
        super().__init__()
        self.causal = geometry.direction == "causal"
        self.side = buckets if self.causal else buckets // 2
        self.number = self.side if self.causal else 2 * self.side
        if self.side < 2 or max_distance <= self.side // 2:
            raise UserError(
                f"buckets={buckets}, max_distance={max_distance} cannot separate near from far distances: "
                f"give {2 if self.causal else 4} buckets or more, "
                f"and a max_distance above {max(1, self.side // 2)}."
            )
        self.edges: Tensor
        self.register_buffer("edges", torch.tensor(edges(self.side, max_distance)), persistent=False)

    def forward(self, distances: Shaped[Tensor, " n"]) -> Int[Tensor, " n"]:
        """The row of the table for each distance j − i."""
        delta = whole(distances)
        if self.causal:
            return torch.bucketize((-delta).clamp(min=0), self.edges, right=True)
        return torch.bucketize(delta.abs(), self.edges, right=True) + self.side * (delta > 0)


def edges(side: int, max_distance: int) -> list[int]:
    """The smallest distance in each bucket of one side, except the first.

    Computed in integers, so that rounding cannot put a distance into the wrong bucket.
    """
    exact = side // 2
    steps = side - exact
    found = list(range(1, exact + 1))
    for m in range(1, steps):
        n = found[-1]
        while n**steps * exact**m < max_distance**m * exact**steps:
            n += 1
        found.append(n)
    return found
