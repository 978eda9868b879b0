"""Multiplicative attention: a learned bilinear form of query and key, or their plain dot product."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from posharness.contracts import SLOTS, Attention, BoundSlots, Geometry
from posharness_plugins.attentions._dot_product import dot_product


class Multiplicative(Attention):
    """out_i = Σ_j softmax_j(s_ij + bias_ij)·v_j, not divided by √d (Luong et al., 1508.04025).

    Equations 7 and 8, global attention, by `form`:

    - general: s_ij = q_iᵀ W k_j, with a W for each head.
    - dot: s_ij = q_iᵀ k_j, without parameters.

    The paper's third form, concat, is `additive`. The paper has one head and no projections before W; here
    each head has its own. The product of the projections and W has the same rank as without W, so W changes
    how scores are learned, not which scores are possible. W starts normal with standard deviation 1/d, which
    gives scores of unit variance for components of unit variance.

    Honours every slot in the dot form, and every slot except `rotate` in the general form: qᵀ R_iᵀ W R_j k is
    not a function of i − j. `scores` receives s_ij + bias_ij.
    """

    name = "multiplicative"
    aliases = ("luong",)
    summary = "Attention by qᵀWk with a learned W, or by the unscaled dot product (Luong et al.)"
    paper = "arXiv:1508.04025"

    def __init__(self, geometry: Geometry, *, form: Literal["general", "dot"] = "general") -> None:
        super().__init__(geometry)
        heads, d = geometry.heads, geometry.head_width
        self.weight = nn.Parameter(torch.randn(heads, d, d) / d) if form == "general" else None
        self.slots = frozenset(SLOTS) if form == "dot" else frozenset(SLOTS) - {"rotate"}

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        asked = q if self.weight is None else q @ self.weight
        return dot_product(asked, k, v, mask, slots, scale=1.0)
