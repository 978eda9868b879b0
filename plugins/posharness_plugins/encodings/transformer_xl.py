"""Transformer-XL: queries times a projected sinusoid of the distance, and keys times a learned vector."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from posharness.contracts import Geometry, PositionalEncoding
from posharness_plugins.encodings._diagonals import add_along_diagonals, by_head, needed_distances
from posharness_plugins.encodings._rotary import geometric, phasors, rotate_pairs


class TransformerXL(PositionalEncoding):
    """s_ij = ((q_i + u)·k_j + (q_i + v)·W_R r_(i−j))/√d, with r_Δ = [sin Δθ_0, cos Δθ_0, sin Δθ_1, …].

    1901.02860, section 3.3, with θ_c = 10000^(−2c/width), and 1/√d as in the authors' code. Each layer has
    its own W_R, u and v; the paper shares u and v among the layers, XLNet (1906.08237) does not. r alternates
    sines and cosines, while the authors' code has all sines first: the same function, with the columns of W_R
    in another order. If width is odd, r has one component more. The paper's segment-level memory is not
    included. Defined for distances of either sign, as XLNet uses it. `trained=False` keeps W_R, u
    and v as they start.

    Where positions are consecutive, r_Δ is computed once for each distance. Elsewhere no r_Δ is computed.
    With z_c = (W_R^T(q_i + v))_2c + i·(…)_2c+1, the position term is Σ_c
    Im(z_c·e^(i·pos_i·θ_c)·e^(−i·pos_j·θ_c)): queries are rotated by their positions and multiplied by
    sinusoids of the keys' positions. So positions may have gaps or be fractional, and memory is of size q ×
    width instead of q × k × d.
    """

    name = "transformer_xl"
    aliases = ("xl",)
    summary = "Scores of queries against a projected sinusoid of the distance (Transformer-XL)"
    paper = "arXiv:1901.02860"
    family = "relative"
    shift_invariant = True

    def __init__(self, geometry: Geometry, *, trained: bool = True) -> None:
        super().__init__(geometry)
        heads, d = geometry.heads, geometry.head_width
        frequencies = geometric(10000.0, geometry.width, owner=self.name)
        self.frequencies: Tensor
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.project = nn.Parameter(torch.empty(heads, d, 2 * len(frequencies)))
        self.u = nn.Parameter(0.02 * torch.randn(heads, d))
        self.v = nn.Parameter(0.02 * torch.randn(heads, d))
        # Of the same scale as the body's projections, as in the paper.
        nn.init.xavier_normal_(self.project.view(heads * d, -1))
        self.requires_grad_(trained)

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
        scale = 1 / math.sqrt(q.shape[-1])
        asked = (q + self.v[:, None]) * scale  # b h q d
        s = s + (k @ (self.u * scale)[..., None]).mT  # b h 1 k
        side: Literal["left", "both"] = "left" if self.geometry.direction == "causal" else "both"
        if (needed := needed_distances(pos_q, pos_k, side)) is not None:
            line, shift = needed
            waves = (
                torch.view_as_real(1j * phasors(line, self.frequencies)).flatten(-2).to(q.dtype)
            )  # n width
            return add_along_diagonals(s, by_head(asked, waves @ self.project.mT), shift)
        # Counted from the first key, so that large ids cost no precision.
        by_q, by_k = (phasors(pos - pos_k[0], self.frequencies) for pos in (pos_q, pos_k))
        waves = torch.view_as_real(1j * by_k).flatten(-2).to(q.dtype)  # k width
        return s + rotate_pairs(asked @ self.project, by_q) @ waves.mT
