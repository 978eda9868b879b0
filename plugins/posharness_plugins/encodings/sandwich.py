"""Sandwich: the inner products of sinusoidal position vectors as a bias."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from posharness.contracts import Direction, Geometry, PositionalEncoding, UserError
from posharness_plugins.encodings._by_distance import bias_by_distance, look_up


class Sandwich(PositionalEncoding):
    """s_ij += (Σ_{c=1..d̄/2} cos((i − j)·10000^(−2c/d̄)) − d̄/2)/(8h/H), for head h = 1..H.

    2212.10356. The sum is the inner product of the sinusoidal vectors of positions i and j, of width d̄,
    without the terms that mix them with content. Each head divides it by its own 8h/H, the exponents of
    ALiBi's slopes. d̄ is `width`, 128 in the authors' code for any model. Subtracting d̄/2 makes the bias 0
    at distance 0, which softmax does not see. Defined for causal bodies.
    """

    name = "sandwich"
    summary = "A fixed bias: inner products of sinusoidal position vectors (Sandwich)"
    paper = "arXiv:2212.10356"
    family = "relative"
    per = "model"
    directions: frozenset[Direction] = frozenset({"causal"})
    shift_invariant = True

    def __init__(self, geometry: Geometry, *, width: int = 128) -> None:
        super().__init__(geometry)
        if width < 2 or width % 2:
            raise UserError(f"sandwich[width={width}]: give an even width of 2 or more.")
        exponents = torch.arange(2, width + 1, 2, dtype=torch.float64) / width
        heads = torch.arange(1, geometry.heads + 1, dtype=torch.float64)
        self.frequencies: Tensor
        self.compression: Tensor
        self.register_buffer("frequencies", (10000.0**-exponents).float(), persistent=False)
        self.register_buffer("compression", (8 * heads / geometry.heads).float(), persistent=False)

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "1 h q k"]:
        return bias_by_distance(self._of, pos_q, pos_k)

    def _of(self, distances: Shaped[Tensor, " n"]) -> Float[Tensor, "h n"]:
        # Few distances are distinct, and each costs d̄/2 cosines.
        distinct, at = torch.unique(distances.abs(), return_inverse=True)
        sums = ((distinct.float()[:, None] * self.frequencies).cos() - 1).sum(-1)
        return look_up(sums / self.compression[:, None], at)
