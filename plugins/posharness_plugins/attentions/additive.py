"""Additive attention: a small network scores each query with each key."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from posharness.contracts import SLOTS, Attention, BoundSlots, Geometry, UserError
from posharness_plugins.attentions._additive_scores import additive_scores
from posharness_plugins.attentions._explicit import with_encoding
from posharness_plugins.attentions._softmax_mix import softmax_mix


class Additive(Attention):
    """out_i = Σ_j softmax_j(s_ij + bias_ij)·v_j with s_ij = uᵀ tanh(W q_i + U k_j).

    Bahdanau et al., 1409.0473, section 3.1 and appendix A.1.2 (their v is u here, because v are the values).
    The paper has one head; here each head has its own W, U and u, with `inner` hidden units (by default the
    width of the head). As in the paper, scores are not divided by √d. W and U start Xavier-normal, and u
    normal with variance 1/inner; the paper starts u at zero, where W and U get no gradient.

    Honours every slot except `rotate`: rotating q and k makes q·k a function of i − j, but not tanh(W R_i q +
    U R_j k). `scores` receives s_ij + bias_ij.
    """

    name = "additive"
    aliases = ("bahdanau",)
    summary = "Attention scored by a small network, uᵀtanh(Wq + Uk) (Bahdanau et al.)"
    paper = "arXiv:1409.0473"
    slots = frozenset(SLOTS) - {"rotate"}

    def __init__(self, geometry: Geometry, *, inner: int | None = None) -> None:
        super().__init__(geometry)
        d = geometry.head_width
        units = d if inner is None else inner
        if units < 1:
            raise UserError(f"additive[inner={units}]: inner must be 1 or more.")
        std = (2 / (d + units)) ** 0.5
        self.query = nn.Parameter(std * torch.randn(geometry.heads, d, units))
        self.key = nn.Parameter(std * torch.randn(geometry.heads, d, units))
        self.energy = nn.Parameter(units**-0.5 * torch.randn(geometry.heads, units))

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        asked, offered = q @ self.query, k @ self.key  # b h q a, b h k a
        s = with_encoding(additive_scores(asked, offered, self.energy), slots)
        out, weights = softmax_mix(s, v, mask)
        return out if slots.values is None else slots.values(out, weights)
