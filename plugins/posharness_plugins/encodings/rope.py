"""Rotary position embedding: queries and keys turn with their position."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from posharness.contracts import Geometry, Incompatible, PositionalEncoding


def turn(
    x: Float[Tensor, "b h n d"], pos: Shaped[Tensor, " n"], frequencies: Float[Tensor, " d/2"]
) -> Float[Tensor, "b h n d"]:
    """Rotate the plane (x_c, x_(c+d/2)) of each vector by pos·frequencies[c] radians."""
    angles = pos.float()[:, None] * frequencies  # n, d/2
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Rope(PositionalEncoding):
    """s_ij = (R_i q_i)·(R_j k_j)/√d, where R_i turns plane c by i·θ_c, θ_c = base^(−2c/d), c = 0..d/2−1.

    2104.09864, equations 14 and 15. Plane c is made of the components c and c + d/2 where the paper
    takes 2c and 2c + 1: a fixed permutation of the rows of the query and key projections, which
    changes nothing that can be learned.
    """

    name = "rope"
    aliases = ("rotary",)
    summary = "Queries and keys turned by angles proportional to their position"
    paper = "arXiv:2104.09864"
    per = "model"
    shift_invariant = True

    def __init__(self, geometry: Geometry, *, base: float = 10000.0) -> None:
        super().__init__(geometry)
        d = geometry.head_width
        if d % 2:
            raise Incompatible(f"rope turns pairs of components, and a head of width {d} has an odd one")
        exponents = torch.arange(0, d, 2, dtype=torch.float64) / d
        self.frequencies: Tensor
        self.register_buffer("frequencies", (base**-exponents).float(), persistent=False)

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        return turn(q, pos_q, self.frequencies), turn(k, pos_k, self.frequencies)
