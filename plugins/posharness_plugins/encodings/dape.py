"""DAPE: a small network adapts another encoding's bias to the scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import leaky_relu, leaky_relu_

from posharness.contracts import Geometry, Incompatible, PositionalEncoding, UserError, by_name

SLOPE = 0.01
BLOCK = 2**16
"""Scores whose hidden units are computed at once."""


class Dape(PositionalEncoding):
    """s_ij = s_ij + b_ij + f([s_ij; b_ij]), with f an MLP 2H → `hidden` → H across the heads.

    2405.14722, section 3. b is the bias of `base`, and s are the scores after division by √d. As in the
    authors' code, f has one hidden layer of 32 units with leaky ReLU (slope 0.01), and each layer has its own
    f and b, even where `base` alone would be shared. f is applied to each pair of positions separately, so no
    information passes from a masked pair to another, and the encoding is defined wherever `base` is. The
    paper uses causal bodies.

    Hidden units are computed in blocks, and again for the gradient: memory is that of the scores.
    """

    name = "dape"
    summary = "A small network adapts another encoding's bias to the scores"
    paper = "arXiv:2405.14722"

    def __init__(
        self, geometry: Geometry, *, base: PositionalEncoding = by_name("kerple"), hidden: int = 32
    ) -> None:
        super().__init__(geometry)
        if hidden < 1:
            raise UserError(f"dape[hidden={hidden}]: give 1 hidden unit or more.")
        if base.slots - {"bias"}:
            raise Incompatible(
                f"dape adapts an encoding that is a bias and nothing else, and {base.name} acts on "
                + " and ".join(sorted(base.slots - {"bias"}))
            )
        self.base = base
        self.declare_like(base)
        self.inner = nn.Linear(2 * geometry.heads, hidden)
        self.outer = nn.Linear(hidden, geometry.heads)

    def scores(
        self,
        s: Float[Tensor, "b h q k"],
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        x: Float[Tensor, "b k width"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
    ) -> Float[Tensor, "b h q k"]:
        b = self.base.bias(pos_q, pos_k, x if self.base.bias_reads_input else None).to(s.dtype)
        weights = (self.inner.weight, self.inner.bias, self.outer.weight, self.outer.bias)
        adapted: Tensor = _Adapted.apply(s, b, *(p.to(s.dtype) for p in weights))  # type: ignore[no-untyped-call]
        return adapted


class _Adapted(torch.autograd.Function):
    """s + b + f([s; b]), whose hidden units are computed again for the gradient, block by block."""

    @staticmethod
    def forward(ctx: Any, s: Tensor, b: Tensor, *weights: Tensor) -> Tensor:
        ctx.save_for_backward(s, b, *weights)
        inner, inner_bias, outer, outer_bias = weights
        h, out = s.shape[1], torch.empty_like(s, memory_format=torch.contiguous_format)
        for at, _, pairs in _blocks(s, b):
            units = leaky_relu_(torch.addmm(inner_bias[:, None], inner, pairs), SLOPE)  # hidden n
            adapted = torch.addmm(outer_bias[:, None], outer, units).add_(pairs[:h]).add_(pairs[h:])
            out[at] = _as_block(adapted, out[at])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        s, b, inner, inner_bias, outer, outer_bias = ctx.saved_tensors
        h = s.shape[1]
        d_s, d_b = torch.empty_like(s), torch.zeros_like(b)
        d_inner, d_inner_bias, d_outer, d_outer_bias = (
            torch.zeros_like(p) for p in (inner, inner_bias, outer, outer_bias)
        )
        for at, shared, pairs in _blocks(s, b):
            before = torch.addmm(inner_bias[:, None], inner, pairs)  # hidden n
            g = _as_columns(gradient[at])  # h n
            d_outer.addmm_(g, leaky_relu(before, SLOPE).mT)
            d_outer_bias += g.sum(1)
            d_units = torch.ops.aten.leaky_relu_backward(outer.mT @ g, before, SLOPE, False)
            d_inner.addmm_(d_units, pairs.mT)
            d_inner_bias += d_units.sum(1)
            d_pairs = inner.mT @ d_units
            d_s[at] = _as_block(d_pairs[:h] + g, gradient[at])
            d_biases = _as_block(d_pairs[h:] + g, gradient[at])
            d_b[shared] += d_biases if len(b) > 1 else d_biases.sum(0, keepdim=True)
        return d_s, d_b, d_inner, d_inner_bias, d_outer, d_outer_bias


def _blocks(
    s: Float[Tensor, "b h q k"], b: Float[Tensor, "#b h q k"]
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...], Float[Tensor, "twice_h n"]]]:
    """Some queries of some sequences: their places in s and in b, and the pairs' scores and biases."""
    sequences, h, queries, keys = s.shape
    rows = max(1, min(queries, BLOCK // (h * keys)))
    some = max(1, BLOCK // (h * rows * keys))
    for row in range(0, queries, rows):
        for first in range(0, sequences, some):
            at = slice(first, first + some), slice(None), slice(row, row + rows)
            shared = at if len(b) > 1 else (slice(None), *at[1:])
            biases = b[shared].expand_as(s[at])
            yield at, shared, torch.cat([_as_columns(s[at]), _as_columns(biases)])


def _as_columns(block: Float[Tensor, "c h r k"]) -> Float[Tensor, "h n"]:
    return block.transpose(0, 1).flatten(1)


def _as_block(columns: Float[Tensor, "h n"], like: Float[Tensor, "c h r k"]) -> Float[Tensor, "c h r k"]:
    return columns.view(like.shape[1], len(like), *like.shape[2:]).transpose(0, 1)
