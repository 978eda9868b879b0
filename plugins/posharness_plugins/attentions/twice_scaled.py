"""Dot-product attention whose scores are divided by √d a second time, inside the softmax."""

from __future__ import annotations

import math

from jaxtyping import Bool, Float
from torch import Tensor

from posharness.contracts import SLOTS, Attention, BoundSlots
from posharness_plugins.attentions._dot_product import dot_product


class TwiceScaled(Attention):
    """out_i = Σ_j softmax_j(s_ij/√d)·v_j with the score s_ij = q_i·k_j/√d + bias_ij.

    Scaled dot-product attention (1706.03762, equation 1) divides by √d once. Some texts define the score as
    QKᵀ/√d and then the weights as softmax(score/√d), so that q·k is divided by d: attention at temperature
    √d, which is flatter the wider a head is. This plugin measures the cost of that.

    Honours every slot. An encoding acts on the score, so everything it adds there is divided by √d too:
    ALiBi's slopes, for instance, have 1/√d of their effect in softmax attention.
    """

    name = "twice_scaled"
    aliases = ("double-scaled",)
    summary = "Dot-product attention divided by √d twice: in the score and again in the softmax"
    slots = frozenset(SLOTS)

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        root = math.sqrt(q.shape[-1])
        return dot_product(q, k, v, mask, slots, scale=1 / root, temperature=root)
