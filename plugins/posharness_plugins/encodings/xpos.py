"""xPos: rotary positions with scores that decay with distance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from posharness.contracts import Geometry, Incompatible, UserError
from posharness_plugins.encodings._rotary import Rotary, ends, phasors, rotate_pairs


class Xpos(Rotary):
    """s_ij = Re Σ_c q_ic·conj(k_jc)·ζ_c^((i−j)/B)·e^(i(i−j)θ_c)/√d, ζ_c = (2c/d + γ)/(1 + γ), γ = 0.4.

    2212.10554: RoPE, with queries multiplied by ζ_c^(i/B) and keys by ζ_c^(−j/B), where B is `scale_base`, in
    positions. Causal only: scores of keys after the query would grow with distance. Positions are counted
    from the middle of the current ones, which changes no score and keeps both factors small for sequences
    that span up to 63·B positions (`max_length`). The paper splits longer sequences into blocks instead; its
    blockwise causal attention is not included.
    """

    name = "xpos"
    summary = "RoPE with scores that decay with distance, faster in pairs that rotate faster (xPos)"
    paper = "arXiv:2212.10554"
    directions = frozenset({"causal"})

    def __init__(self, geometry: Geometry, *, base: float = 10000.0, scale_base: float = 512.0) -> None:
        super().__init__(geometry, base=base)
        if scale_base <= 0:
            raise UserError(f"xpos[scale_base={scale_base:g}]: give a distance above 0, usually 512.")
        zeta = (torch.arange(0, geometry.head_width, 2) / geometry.head_width + 0.4) / 1.4
        self.decay: Tensor
        self.register_buffer("decay", zeta.log() / scale_base, persistent=False)
        # A query's and a key's factor stay below e^40 each, and their product within float32.
        self.max_length = int(2 * 40 / (math.log(1.4 / 0.4) / scale_base))
        if self.max_length < geometry.length:
            raise Incompatible(
                f"xpos[scale_base={scale_base:g}] overflows beyond {self.max_length} positions, "
                f"and training sequences have {geometry.length}."
            )

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        first, last = ends(pos_q, pos_k)
        middle = (first + last) / 2
        shrink_q = ((pos_q - middle)[:, None] * self.decay).exp()  # q d/2
        shrink_k = ((middle - pos_k)[:, None] * self.decay).exp()  # k d/2
        return (
            rotate_pairs(q, phasors(pos_q, self.frequencies, shrink_q)),
            rotate_pairs(k, phasors(pos_k, self.frequencies, shrink_k)),
        )
