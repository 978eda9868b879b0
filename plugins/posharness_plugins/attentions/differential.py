"""Differential attention: the difference of two softmax maps, in which their common part cancels."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import rms_norm

from posharness.contracts import SLOTS, Attention, BoundSlots, Geometry, Incompatible
from posharness_plugins.attentions._dot_product import dot_product
from posharness_plugins.attentions._explicit import attend, softmax_weights

EPSILON = 1e-5


class Differential(Attention):
    """out_i = (1 − λ₀)·g ⊙ RMSNorm(Σ_j (A¹_ij − λ·A²_ij)·v_j), Aᵐ_ij = softmax_j(qᵐ_i·kᵐ_j/√(d/2) + bias_ij).

    2410.05258, equations 1 to 3: λ = exp(λ_q1·λ_k1) − exp(λ_q2·λ_k2) + λ₀ and λ₀ = 0.8 − 0.6·e^(−0.3·(l − 1))
    in layer l = 1, 2, …. Each layer has its own vectors λ, shared by its heads, which start normal with
    standard deviation 0.1. The norm is computed for each head; its gain g is shared by the heads and starts
    at 1.

    As in the paper, a head of width d has two halves of width d/2 for q and k, and values of width d. The
    paper's models then have half as many heads; here the number of heads does not change. The halves take
    neighbouring pairs of components alternately: components 0, 1, 4, 5, … are q¹ and 2, 3, 6, 7, … are q².
    For the projections the order makes no difference. For encodings that rotate neighbouring pairs, it keeps
    every pair whole and gives both halves low and high frequencies: q¹ has exactly those that rotary
    embedding has at width d/2, as in the paper, and q² those half a step below.

    `bias` is added to both maps; `values` receives A¹ − λA² and the mix before the norm. Without `values`,
    both maps use the fused kernel. `scores` is not honoured: it needs one score for each pair of full-width q
    and k, and there are two.
    """

    name = "differential"
    aliases = ("diff",)
    summary = "The difference of two softmax maps, normalised per head (Ye et al.)"
    paper = "arXiv:2410.05258"
    slots = frozenset(SLOTS) - {"scores"}
    has_weights = False

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        d = geometry.head_width
        if d % 4:
            raise Incompatible(
                f"differential divides pairs of components between two halves, so the width of a head must "
                f"be a multiple of 4; got {d}."
            )
        self.start = 0.8 - 0.6 * math.exp(-0.3 * geometry.layer)
        self.query = nn.Parameter(0.1 * torch.randn(2, d // 2))
        self.key = nn.Parameter(0.1 * torch.randn(2, d // 2))
        self.gain = nn.Parameter(torch.ones(d))
        self.first: Tensor
        self.register_buffer("first", torch.arange(d) % 4 < 2, persistent=False)

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        # With one half of q at zero, q·k is the product of the other halves: k need not be parted.
        one, two = q * self.first, q * ~self.first
        scale = (q.shape[-1] / 2) ** -0.5
        if slots.values is None:
            out = dot_product(one, k, v, mask, slots, scale=scale)
            out = out - self.share() * dot_product(two, k, v, mask, slots, scale=scale)
        else:
            s = (torch.cat([one, two], 1) * scale) @ k.repeat(1, 2, 1, 1).mT  # b 2h q k
            twice = slots.bias if slots.bias is None else slots.bias.repeat(1, 2, 1, 1)  # · 2h q k
            out = attend(s, v, mask, BoundSlots(bias=twice, values=slots.values), self._subtract)
        # The gain may be kept in float32 while the rest is computed in bfloat16.
        gain = ((1 - self.start) * self.gain).to(out.dtype)
        normed: Tensor = rms_norm(out, out.shape[-1:], eps=EPSILON)
        return normed * gain

    def share(self) -> Float[Tensor, ""]:
        """λ, the weight of the second map."""
        first, second = (self.query * self.key).sum(-1).exp()
        found: Tensor = first - second + self.start
        return found

    def _subtract(
        self, s: Float[Tensor, "b twice_h q k"], mask: Bool[Tensor, "#b 1 q k"] | None
    ) -> Float[Tensor, "b h q k"]:
        one, two = softmax_weights(s, mask).chunk(2, dim=1)
        return one - self.share() * two
