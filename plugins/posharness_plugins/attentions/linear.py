"""Linear attention: a kernel of query and key, so that one sum over keys and values serves all queries."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import elu, pad

from posharness.contracts import Attention, BoundSlots, Geometry
from posharness_plugins.attentions._order import own_key

CHUNK = 64
"""Tokens whose pairs are compared directly; sums are carried from chunk to chunk."""
EPSILON = 1e-6
"""Added to the normaliser, as in the authors' code: φ underflows to 0 where its argument is below −17."""


class Linear(Attention):
    """out_i = φ(q_i)ᵀ Σ_j φ(k_j)·v_jᵀ / φ(q_i)ᵀ Σ_j φ(k_j), with φ(x) = elu(x) + 1.

    2006.16236, equations 4, 5 and 7. In causal bodies the sums are over j ≤ i (equations 9 to 12), computed
    in chunks of 64 tokens: direct products within a chunk, and one d × d sum for all chunks before it. Time
    and memory grow with n, not n². Computed in float32 for any type of input, because the sums are long.

    The mask must be one that a body makes: padding keys hidden from all queries, and causality. The last
    query then sees every key that any query sees, so padding is read from its row; causality is read from the
    geometry. As cross-attention it is defined in the bidirectional form.

    Honours `positions` and `embed` only, because there are no scores to add to. Rotary position embedding has
    a linear form (2104.09864, equation 19), which rotates φ(q) and φ(k), and only in the numerator. `rotate`
    acts on q and k before φ, and the result is not a function of i − j.
    """

    name = "linear"
    aliases = ("linear-attention",)
    summary = "Attention in linear time with the feature map elu + 1 (Katharopoulos et al.)"
    paper = "arXiv:2006.16236"

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        # Each sum carries on from the query before it.
        self.queries = "all" if geometry.direction == "causal" else "any"

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        asked, offered = elu(q.float()) + 1, elu(k.float()) + 1
        if mask is not None:
            offered = offered * mask[..., -1, :, None]  # b 1 k 1
        # A value of 1 sums up to the normaliser.
        summed = pad(v.float(), (0, 1), value=1.0)  # b h k d+1
        causal = self.geometry.direction == "causal"
        total = running(asked, offered, summed) if causal else asked @ (offered.mT @ summed)  # b h q d+1
        return (total[..., :-1] / (total[..., -1:] + EPSILON)).to(v.dtype)


def running(
    asked: Float[Tensor, "b h q d"], offered: Float[Tensor, "b h k d"], summed: Float[Tensor, "b h k e"]
) -> Float[Tensor, "b h q e"]:
    """Σ_j (asked_i·offered_j)·summed_j over the keys j up to query i's own."""
    queries = asked.shape[2]
    first = int(own_key(queries, offered.shape[2], asked.device)[0])
    before = offered[:, :, :first].mT @ summed[:, :, :first]  # b h d e
    size = min(CHUNK, queries)
    ask, offer, add = (in_chunks(part, size) for part in (asked, offered[:, :, first:], summed[:, :, first:]))
    within = (ask @ offer.mT).tril() @ add  # b h c size e
    sums = torch.cat([before[:, :, None], offer[:, :, :-1].mT @ add[:, :, :-1]], 2).cumsum(2)  # b h c d e
    out: Tensor = (within + ask @ sums).flatten(2, 3)  # b h c*size e
    return out[:, :, :queries]


def in_chunks(x: Float[Tensor, "b h n d"], size: int) -> Float[Tensor, "b h c size d"]:
    """The tokens in chunks of `size`; the last chunk is filled with zeros."""
    filled = pad(x, (0, 0, 0, -x.shape[2] % size))
    return filled.reshape(*x.shape[:2], -1, size, x.shape[3])
