"""NTK-aware scaling: a rotary base that grows with the length."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from posharness.contracts import Geometry, Incompatible
from posharness_plugins.encodings._rotary import Rotary, rotate_both, stretch


class Ntk(Rotary):
    """RoPE with the base b·s^(d/(d−2)), s = max(1, N/L) for positions that span N and a training length L.

    2309.00071, section 3.1, with the s of its section 3.3 ("dynamic NTK"). The highest frequency is unchanged
    and the lowest is divided by s: θ_c(s) = θ_c·s^(−2c/(d−2)). Up to the training length, s is 1 and this is
    `rope`. d must be 4 or more, because a single pair has no lower frequency.
    """

    name = "ntk"
    aliases = ("dynamic-ntk",)
    summary = "RoPE whose base grows when positions exceed the training length (NTK-aware)"
    paper = "arXiv:2309.00071"

    def __init__(self, geometry: Geometry, *, base: float = 10000.0) -> None:
        super().__init__(geometry, base=base)
        d = geometry.head_width
        if d < 4:
            raise Incompatible(
                f"ntk lowers all frequencies but the first, so a head needs a width of 4 or more; got {d}."
            )
        self.slowing: Tensor
        self.register_buffer("slowing", -torch.arange(0, d, 2) / (d - 2), persistent=False)

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        s = stretch(pos_q, pos_k, self.geometry.length)
        return rotate_both(q, k, pos_q, pos_k, self.frequencies * s**self.slowing)
