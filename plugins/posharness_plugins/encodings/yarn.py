"""YaRN: rotary frequencies interpolated by their number of turns in training, and sharper attention."""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from posharness.contracts import Geometry, UserError
from posharness_plugins.encodings._stretched import Stretched


class Yarn(Stretched):
    """RoPE with θ_c(s) = (1 − γ_c)·θ_c/s + γ_c·θ_c, and queries and keys each multiplied by 0.1·ln s + 1.

    2309.00071, sections 3.2 and 3.4, with s = max(1, N/L) for N positions that a query sees and a training
    length L, as in its section 3.3: in a causal body, each query has that of its own position, for itself and
    all keys that it reads; in a bidirectional one, each row has that of its real tokens. Up to the training
    length, this is `rope`. γ_c is 1 for frequencies that
    are kept and 0 for frequencies that are interpolated. `alpha` and `beta` are α and β, in turns within a
    training sequence: frequencies of at least β turns are kept, those of at most α are interpolated. Between
    the two, γ_c falls by `ramp`:

    - index: linearly in c from ⌊c(β)⌋ to ⌈c(α)⌉, where c(r) = d·ln(L/2πr)/(2·ln base) is the pair that makes
      about r turns in a training sequence. This departs from the paper, but the authors' code and
      `transformers` do so, and published results for YaRN were measured with it.
    - turns: as in the paper, (r_c − α)/(β − α) clipped to 0..1, with r_c = L·θ_c/2π. No pair makes β = 32
      turns in fewer than 202 tokens, so with a shorter L every frequency is interpolated to some degree.
    """

    name = "yarn"
    summary = "RoPE with slow frequencies interpolated beyond the training length, and sharper scores (YaRN)"
    paper = "arXiv:2309.00071"

    def __init__(
        self,
        geometry: Geometry,
        *,
        base: float = 10000.0,
        alpha: float = 1.0,
        beta: float = 32.0,
        ramp: Literal["index", "turns"] = "index",
    ) -> None:
        super().__init__(geometry, base=base)
        if not 0 < alpha < beta:
            raise UserError(
                f"yarn[alpha={alpha:g},beta={beta:g}]: give an alpha above 0 and a beta above alpha, "
                "usually 1 and 32."
            )
        if ramp == "turns":
            turns = geometry.length * self.frequencies / (2 * math.pi)
            kept = ((turns - alpha) / (beta - alpha)).clamp(0, 1)
        else:
            kept = 1 - _by_index(geometry, base, alpha, beta)
        self.kept: Tensor
        self.register_buffer("kept", kept, persistent=False)

    def stretched(self, s: Float[Tensor, "n 1"]) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n 1"]]:
        # Written so that s = 1 gives θ_c itself, bit for bit.
        return self.frequencies * (1 - (1 - self.kept) * (1 - 1 / s)), 0.1 * s.log() + 1


def _by_index(geometry: Geometry, base: float, alpha: float, beta: float) -> Float[Tensor, " c"]:
    """0 up to ⌊c(β)⌋, 1 from ⌈c(α)⌉, and linear between them."""
    d = geometry.head_width

    def index(turns: float) -> float:
        return d * math.log(geometry.length / (2 * math.pi * turns)) / (2 * math.log(base))

    low = max(math.floor(index(beta)), 0)
    high = max(min(math.ceil(index(alpha)), d - 1), low)
    # A ramp without width is a step after `low`.
    return ((torch.arange(d // 2) - low) / max(high - low, 1e-3)).clamp(0, 1)
