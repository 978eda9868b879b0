"""NTK-aware scaling: a rotary base that grows with the length."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from posharness.contracts import Geometry, Incompatible
from posharness_plugins.encodings._stretched import Stretched


class Ntk(Stretched):
    """RoPE with the base b·s^(d/(d−2)), s = max(1, N/L), where a query sees N positions and training has L.

    2309.00071, section 3.1, with the s of its section 3.3 ("dynamic NTK"): in a causal body, each query has
    that of its own position, for itself and all keys that it reads; in a bidirectional one, each row has that
    of its real tokens. The highest frequency is unchanged and the lowest is divided by s: θ_c(s) =
    θ_c·s^(−2c/(d−2)). Up to the training length, this is `rope`. d must be 4 or more, because a single pair
    has no lower frequency.
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

    def stretched(self, s: Float[Tensor, "n 1"]) -> tuple[Float[Tensor, "n c"], None]:
        return self.frequencies * s**self.slowing, None
