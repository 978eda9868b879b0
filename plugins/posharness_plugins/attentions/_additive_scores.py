"""uᵀ tanh(x + y) for each pair of a query's units x and a key's units y."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from posharness_plugins.attentions._blocks import block_sizes, parts

BLOCK = 2**17
LARGEST = 20.0
"""Up to this size of both units, e^(2x)·e^(2y) is a float; beyond, tanh is used."""


def additive_scores(
    asked: Float[Tensor, "b h q a"], offered: Float[Tensor, "b h k a"], energy: Float[Tensor, "h a"]
) -> Float[Tensor, "b h q k"]:
    """s_ij = Σ_a u_a·tanh(x_ia + y_ja).

    Since tanh z = 1 − 2r with r = 1/(1 + e^(2x)·e^(2y)), no pair needs a tanh, which is many times as slow
    as a product and a quotient. Nothing is kept for the gradient but the arguments: the r are computed
    again, block by block. In float32 at least.
    """
    s: Tensor = _Scores.apply(asked, offered, energy)  # type: ignore[no-untyped-call]
    return s


class _Scores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, asked: Tensor, offered: Tensor, energy: Tensor) -> Tensor:
        ctx.save_for_backward(asked, offered, energy)
        pairs = _Pairs(asked, offered, energy)
        s = asked.new_empty(pairs.shape)
        for few, some in pairs.blocks():
            part = pairs.energy.sum(-1)[:, None, None] + pairs.zeros(few, some)
            for u, rest in zip(pairs.energy.mT, pairs.rests(few, some), strict=True):
                part.addcmul_(u[:, None, None], rest, value=-2)
            s[few, :, some] = part
        return s

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        asked, offered, energy = ctx.saved_tensors
        pairs = _Pairs(asked, offered, energy)
        units = asked.shape[-1]
        d_x, d_y = (
            torch.zeros(units, *x.shape[:3], dtype=pairs.dtype, device=x.device) for x in (asked, offered)
        )
        met = pairs.energy.new_zeros(units, len(energy))  # Σ g·r
        for few, some in pairs.blocks():
            g = gradient[few, :, some].to(pairs.dtype).contiguous()
            passed = torch.empty_like(g)
            for unit, rest in enumerate(pairs.rests(few, some)):
                torch.mul(g, rest, out=passed)
                by_query = passed.sum(-1)
                met[unit] += by_query.sum((0, 2))
                # 1 − tanh² = 4·r·(1 − r)
                passed.addcmul_(passed, rest, value=-1)
                d_x[unit][few, :, some] = passed.sum(-1)
                d_y[unit][few] += passed.sum(-2)
        total = gradient.sum((0, 2, 3), dtype=pairs.dtype)
        size = 4 * pairs.energy.mT[:, None, :, None]  # a 1 h 1
        return (
            (d_x * size).permute(1, 2, 3, 0).to(asked.dtype),
            (d_y * size).permute(1, 2, 3, 0).to(offered.dtype),
            (total - 2 * met).mT.to(energy.dtype),
        )


class _Pairs:
    """The units of queries and keys, unit by unit."""

    def __init__(self, asked: Tensor, offered: Tensor, energy: Tensor) -> None:
        self.dtype = torch.promote_types(asked.dtype, torch.float32)
        self.shape = torch.Size((*asked.shape[:3], offered.shape[2]))
        self.energy = energy.to(self.dtype)
        x, y = (z.to(self.dtype).permute(3, 0, 1, 2).contiguous() for z in (asked, offered))
        self.x, self.y = x, y
        self.exp_x, self.exp_y = ((2 * z.clamp(-LARGEST, LARGEST)).exp() for z in (x, y))
        self.far_x, self.far_y = ((z.abs() > LARGEST).flatten(0, 2).any(0) for z in (x, y))  # q, k
        self.any_far = bool(self.far_x.any() or self.far_y.any())

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Some sequences and some queries."""
        rows, sequences = block_sizes(self.shape, BLOCK)
        for some in parts(self.shape[2], rows):
            for few in parts(self.shape[0], sequences):
                yield few, some

    def zeros(self, few: slice, some: slice) -> Float[Tensor, "c h r k"]:
        size = few.stop - few.start, self.shape[1], some.stop - some.start, self.shape[3]
        return self.energy.new_zeros(size)

    def rests(self, few: slice, some: slice) -> Iterator[Float[Tensor, "c h r k"]]:
        """r of each unit, in memory that the next one takes."""
        rest = self.zeros(few, some)
        for unit in range(len(self.x)):
            x, y = self.exp_x[unit, few, :, some, None], self.exp_y[unit, few, :, None]
            torch.mul(x, y, out=rest).add_(1).reciprocal_()
            if self.any_far:
                x, y = self.x[unit, few, :, some, None], self.y[unit, few, :, None]
                rows, keys = self.far_x[some], self.far_y
                rest[:, :, rows] = 0.5 - 0.5 * (x[:, :, rows] + y).tanh()
                rest[..., keys] = 0.5 - 0.5 * (x + y[..., keys]).tanh()
            yield rest
