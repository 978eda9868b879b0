"""Numbers by distance as a matrix of queries and keys: repeated along diagonals, and summed along them."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 64
"""Rows of the matrix that are summed at once."""


def line_of_distances(
    pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"]
) -> Shaped[Tensor, " n"] | None:
    """Every distance j − i, ascending, where both are consecutive: n = q + k − 1. None where they are not."""
    if not (_consecutive(pos_k) and (pos_q is pos_k or _consecutive(pos_q))):
        return None
    steps = torch.arange(1 - len(pos_q), len(pos_k), device=pos_k.device)
    return steps + (pos_k[0] - pos_q[0])


def along_diagonals(line: Float[Tensor, "h n"], queries: int) -> Float[Tensor, "h q k"]:
    """m_ij = line[j − i + q − 1], for n = q + k − 1."""
    matrix: Tensor = _AlongDiagonals.apply(line, queries)  # type: ignore[no-untyped-call]
    return matrix


def _consecutive(pos: Shaped[Tensor, " n"]) -> bool:
    return bool((pos.diff() == 1).all())


class _AlongDiagonals(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, line: Tensor, queries: int) -> Tensor:
        return line.unfold(-1, line.shape[-1] - queries + 1, 1).flip(-2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        h, queries, keys = gradient.shape
        sums = gradient.new_zeros(h, queries + keys - 1)
        for row in range(0, queries, ROWS):
            part = gradient[:, row : row + ROWS]
            rows = part.shape[1]
            # Read with rows one number shorter, the padded rows are shifted against each other.
            padded = gradient.new_zeros(h, rows, keys + rows)
            padded[..., :keys] = part.flip(1)
            shifted = padded.flatten(1)[:, : rows * (keys + rows - 1)].view(h, rows, -1)
            first = queries - row - rows
            sums[:, first : first + keys + rows - 1] += shifted.sum(1)
        return sums, None
