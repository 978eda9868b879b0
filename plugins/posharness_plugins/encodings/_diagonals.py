"""Numbers by distance as a matrix of queries and keys: repeated along diagonals, and summed along them."""

from __future__ import annotations

from typing import Any, Literal

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
    if not (consecutive(pos_k) and (pos_q is pos_k or consecutive(pos_q))):
        return None
    steps = torch.arange(1 - len(pos_q), len(pos_k), device=pos_k.device)
    return steps + (pos_k[0] - pos_q[0])


def needed_distances(
    pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], side: Literal["left", "right", "both"]
) -> tuple[Shaped[Tensor, " n"], int] | None:
    """The columns and the shift of `add_along_diagonals`: the distances of one side or both, and some more.

    None where positions are not consecutive. `side` is that of the keys which matter.
    """
    line = line_of_distances(pos_q, pos_k)
    if line is None:
        return None
    queries, enough = len(pos_q), len(pos_k) + 1
    if len(line) < enough:
        line = torch.cat([line, line[-1:] + 1])
    start = min(int((line < 0).sum()), len(line) - enough, queries - 1) if side == "right" else 0
    stop = max(int((line <= 0).sum()), enough) if side == "left" else len(line)
    return line[start:stop], queries - 1 - start


def along_diagonals(line: Float[Tensor, "h n"], queries: int) -> Float[Tensor, "h q k"]:
    """m_ij = line[j − i + q − 1], for n = q + k − 1."""
    matrix: Tensor = _AlongDiagonals.apply(line, queries)  # type: ignore[no-untyped-call]
    return matrix


def consecutive(pos: Shaped[Tensor, " n"]) -> bool:
    """Whether each position is the one before it plus 1."""
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


def by_head(x: Float[Tensor, "b h n d"], others: Float[Tensor, "h m d"]) -> Float[Tensor, "b h n m"]:
    """x·y for the y of each head: one product for a head, in place of one for each head of each sequence."""
    b, h, n, d = x.shape
    return (x.transpose(0, 1).reshape(h, b * n, d) @ others.mT).view(h, b, n, -1).transpose(0, 1)


def add_along_diagonals(
    s: Float[Tensor, "b h q k"],
    met: Float[Tensor, "b h q n"],
    shift: int,
    back: tuple[Float[Tensor, "b h k m"], int] | None = None,
    *,
    factor: float = 1.0,
) -> Float[Tensor, "b h q k"]:
    """factor·s_ij + met[i, j − i + shift]; where there is no such column, any number is added.

    Args:
        met: n columns, more than there are keys; `shift` is 0 or more.
        back: the same for keys, and its shift: adds back[j, i − j + shift].
    """
    other, other_shift = (None, 0) if back is None else back
    added: Tensor = _AddAlongDiagonals.apply(s, met, shift, other, other_shift, factor)  # type: ignore[no-untyped-call]
    return added


class _AddAlongDiagonals(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, s: Tensor, met: Tensor, shift: int, back: Tensor | None, back_shift: int, factor: float
    ) -> Tensor:
        ctx.columns, ctx.shift, ctx.factor = met.shape[-1], shift, factor
        ctx.back_columns, ctx.back_shift = None if back is None else back.shape[-1], back_shift
        queries, keys = s.shape[-2:]
        added = s.new_empty(s.shape)
        torch.add(skewed(met, keys, shift), s, alpha=factor, out=added)
        return added if back is None else added.add_(skewed(back, queries, back_shift).mT)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        d_met = _unskewed(gradient, ctx.columns, ctx.shift)
        d_back = (
            None if ctx.back_columns is None else _unskewed(gradient.mT, ctx.back_columns, ctx.back_shift)
        )
        d_s = gradient if ctx.factor == 1 else gradient * ctx.factor
        return d_s, d_met, None, d_back, None, None


def _unskewed(gradient: Float[Tensor, "b h q k"], columns: int, shift: int) -> Float[Tensor, "b h q n"]:
    """The gradient of what `skewed` reads; sequences of a head one after the other, as for `by_head`."""
    b, h, queries, keys = gradient.shape
    d_met = gradient.new_zeros(h, b, queries, columns).transpose(0, 1)
    skewed(d_met, keys, shift).copy_(gradient)
    return d_met


def skewed(met: Float[Tensor, "b h q n"], keys: int, shift: int) -> Float[Tensor, "b h q k"]:
    """A view of met[i, j − i + shift], where there are such columns: what was a diagonal is a column."""
    if met.stride(-1) != 1:
        met = met.contiguous()
    b, h, queries, _ = met.shape
    of_sequence, of_head, of_row, _ = met.stride()
    return met.as_strided(
        (b, h, queries, keys), (of_sequence, of_head, of_row - 1, 1), met.storage_offset() + shift
    )
