"""Relative positions as learned vectors that are added to keys and values."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from posharness.contracts import Geometry, PositionalEncoding, Slot, UserError
from posharness_plugins.encodings._clipped import Clipped


class Relative(PositionalEncoding):
    """s_ij = q_i·(k_j + a^K_r)/√d and out_i = Σ_j α_ij·(v_j + a^V_r), with r = clip(j − i, −K, K).

    Shaw et al., 1803.02155, equations 3 and 4. K is `clip`: all distances of K or more are alike. The vectors
    are separate for each layer and shared by its heads (section 3.3). `values=False` leaves out a^V, as in
    one of the paper's ablations (table 3). `trained=False` keeps the vectors as they start. Distances between
    fractional positions are rounded.

    No tensor of size q × k × d is needed: q is multiplied by the 2K + 1 vectors first and the scores are
    looked up in the result; the weights are summed by distance before they are multiplied by a^V.
    """

    name = "relative"
    aliases = ("rpe", "shaw")
    summary = "Learned vectors for clipped distances, added to keys and values (Shaw et al.)"
    paper = "arXiv:1803.02155"
    family = "relative"
    shift_invariant = True

    def __init__(
        self, geometry: Geometry, *, clip: int = 16, values: bool = True, trained: bool = True
    ) -> None:
        super().__init__(geometry)
        if clip < 1:
            raise UserError(f"relative[clip={clip}]: clip must be 1 or more.")
        self.clip = clip
        self.keys = nn.Parameter(nn.init.xavier_uniform_(torch.empty(2 * clip + 1, geometry.head_width)))
        self.mixed = (
            nn.Parameter(nn.init.xavier_uniform_(torch.empty(2 * clip + 1, geometry.head_width)))
            if values
            else None
        )
        self.requires_grad_(trained)

    @property
    def slots(self) -> frozenset[Slot]:
        return super().slots if self.mixed is not None else super().slots - {"values"}

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
        met = (q / math.sqrt(q.shape[-1])) @ self.keys.mT  # b h q 2K+1
        return Clipped(pos_q, pos_k, self.clip).add(s, met)

    def values(
        self,
        out: Float[Tensor, "b h q d"],
        weights: Float[Tensor, "b h q k"],
        v: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> Float[Tensor, "b h q d"]:
        assert self.mixed is not None
        return out + Clipped(pos_q, pos_k, self.clip).sum(weights) @ self.mixed
