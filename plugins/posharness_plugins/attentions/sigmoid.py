"""Attention with sigmoids of the scores as weights, independent for each key."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from posharness.contracts import SLOTS, Attention, BoundSlots, Geometry
from posharness_plugins.attentions._explicit import apply_mask, attend


class Sigmoid(Attention):
    """out_i = Σ_j σ(s_ij + b)·v_j with s_ij = q_i·k_j/√d + bias_ij and b = −log n.

    2409.04431, equation 3. b makes the weights of n keys with score 0 sum to about 1. `n`, in tokens:

    - training: the length of the training sequences, a constant, as in the authors' experiments. The weights
      of a longer sequence sum to more.
    - visible (ours): the number of keys that the query sees, so that sums stay about 1 at every length and at
      the start of a causal sequence.

    For large models the paper adds LayerScale or a norm to stabilise training; these are not included.
    Honours every slot; the encoding acts on s, and b is added afterwards.
    """

    name = "sigmoid"
    summary = "Attention weights σ(q·k/√d − log n), not normalised over keys"
    paper = "arXiv:2409.04431"
    slots = frozenset(SLOTS)

    def __init__(self, geometry: Geometry, *, n: Literal["training", "visible"] = "training") -> None:
        super().__init__(geometry)
        self.n = n

    def forward(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        v: Float[Tensor, "b h k d"],
        mask: Bool[Tensor, "#b 1 q k"] | None,
        slots: BoundSlots,
    ) -> Float[Tensor, "b h q d"]:
        return attend((q / math.sqrt(q.shape[-1])) @ k.mT, v, mask, slots, self._weigh)

    def _weigh(
        self, s: Float[Tensor, "b h q k"], mask: Bool[Tensor, "#b 1 q k"] | None
    ) -> Float[Tensor, "b h q k"]:
        if self.n == "training":
            s = s - math.log(self.geometry.length)
        elif mask is None:
            s = s - math.log(s.shape[-1])
        else:
            s = s - mask.sum(-1, keepdim=True).to(s.dtype).log()
        return torch.sigmoid(apply_mask(s, mask))
