"""Rotary position embedding: queries and keys are rotated by their position."""

from __future__ import annotations

from jaxtyping import Float, Shaped
from torch import Tensor

from posharness.contracts import Geometry, Incompatible, UserError
from posharness_plugins.encodings._rotary import Rotary, geometric, rotate_both


class Rope(Rotary):
    """s_ij = Re Σ_c q_ic·conj(k_jc)·e^(i(i−j)θ_c)/√d, where q_ic = q_i,2c + i·q_i,2c+1, θ_c = base^(−2c/d).

    2104.09864, equations 14 and 15: pair c consists of the components 2c and 2c + 1, as there and in
    RoFormer. Llama and GPT-NeoX use c and c + d/2, which is a fixed permutation of the rows of the query and
    key projections and does not change what can be learned.

    - `fraction` < 1 rotates only the first ⌊fraction·d/2⌋ pairs, with θ_c = base^(−2c/r) for the r components
      among them; the rest has no position (GPT-NeoX, 2204.06745, uses 0.25).
    - `p` < 1 is p-RoPE (2410.06205): of these pairs, the ⌊p·r/2⌋ with the highest frequencies are rotated,
      with the frequencies that they have in RoPE, and the others are not. p = 0 is no encoding.
    """

    name = "rope"
    aliases = ("rotary",)
    summary = "Queries and keys rotated by angles proportional to their position (RoPE)"
    paper = "arXiv:2104.09864"

    def __init__(
        self, geometry: Geometry, *, base: float = 10000.0, fraction: float = 1.0, p: float = 1.0
    ) -> None:
        super().__init__(geometry, base=base)
        if not 0 < fraction <= 1:
            raise UserError(
                f"rope[fraction={fraction:g}]: give the fraction of components to rotate, above 0 and at "
                "most 1."
            )
        if not 0 <= p <= 1:
            raise UserError(f"rope[p={p:g}]: give the fraction of frequencies to keep, from 0 to 1.")
        pairs = int(fraction * geometry.head_width / 2)
        if not pairs:
            raise Incompatible(
                f"rope[fraction={fraction:g}] rotates no pair of a head of width {geometry.head_width}."
            )
        # Pairs that do not turn are left out: they are not even multiplied by 1.
        kept = geometric(base, 2 * pairs, owner=self.name)[: int(p * pairs)]
        self.register_buffer("frequencies", kept, persistent=False)

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        return rotate_both(q, k, pos_q, pos_k, self.frequencies)
