"""Scaled dot-product attention, fused wherever the encoding lets it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from posharness.contracts import SLOTS, Attention, BoundSlots


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
        if slots.scores is None and slots.values is None:
            fused = mask if slots.bias is None else hide(slots.bias, mask).to(q.dtype)
            return scaled_dot_product_attention(q, k, v, attn_mask=fused)
        s = (q / math.sqrt(q.shape[-1])) @ k.mT  # b h q k
        if slots.bias is not None:
            s = s + slots.bias
        if slots.scores is not None:
            s = slots.scores(s)
        weights = torch.softmax(hide(s, mask), -1)
        out = weights @ v
        return out if slots.values is None else slots.values(out, weights)


def hide(s: Float[Tensor, "#b h q k"], mask: Bool[Tensor, "#b 1 q k"] | None) -> Float[Tensor, "#b h q k"]:
    """The scores with −∞ wherever a query may not see a key."""
    return s if mask is None else s.masked_fill(~mask, float("-inf"))
