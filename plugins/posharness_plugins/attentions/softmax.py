"""Scaled dot-product attention."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from posharness.contracts import SLOTS, Attention, BoundSlots
from posharness_plugins.attentions._dot_product import dot_product


class Softmax(Attention):
    """out_i = Σ_j softmax_j(q_i·k_j/√d + bias_ij)·v_j (1706.03762, equation 1).

    Honours every slot. Without `scores` and `values` the fused kernel is used; with them, the same
    formula is written out.
    """

    name = "softmax"
    aliases = ("sdpa", "scaled-dot-product")
    summary = "Scaled dot-product attention"
    paper = "arXiv:1706.03762"
    slots = frozenset(SLOTS)

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        return dot_product(q, k, v, mask, slots, scale=q.shape[-1] ** -0.5)
