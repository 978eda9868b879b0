"""T5's relative position bias: a learned number for each head and bucket of distance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from posharness.contracts import Geometry, PositionalEncoding, Slot
from posharness_plugins.encodings._by_distance import Buckets, bias_by_distance, look_up


class T5(PositionalEncoding):
    """s_ij += b[h, bucket(j − i)], one table b for all layers (1910.10683, section 2.1).

    The buckets are those of `Buckets`: 32 of them, up to distance 128, half for each side in a bidirectional
    body. b starts with standard deviation 1/√d, as in the authors' code.

    T5 does not divide q·k by √d_head and compensates in the initial weights of its projections. Here the
    scores are divided as for every encoding, so that encodings can be compared; `scaled=False` undoes the
    division and gives T5's own s_ij = q_i·k_j + b. `trained=False` keeps b as it starts. Fractional distances
    are rounded.
    """

    name = "t5"
    aliases = ("t5-bias",)
    summary = "A learned bias for each head and bucket of distance (T5)"
    paper = "arXiv:1910.10683"
    family = "relative"
    per = "model"
    shift_invariant = True

    def __init__(
        self,
        geometry: Geometry,
        *,
        buckets: int = 32,
        max_distance: int = 128,
        scaled: bool = True,
        trained: bool = True,
    ) -> None:
        super().__init__(geometry)
        self.buckets = Buckets(geometry, buckets=buckets, max_distance=max_distance)
        self.scaled = scaled
        self.table = nn.Parameter(
            nn.init.normal_(torch.empty(geometry.heads, self.buckets.number), std=geometry.width**-0.5)
        )
        self.requires_grad_(trained)

    @property
    def slots(self) -> frozenset[Slot]:
        return super().slots - {"rotate"} if self.scaled else super().slots

    def rotate(
        self,
        q: Float[Tensor, "b h q d"],
        k: Float[Tensor, "b h k d"],
        pos_q: Shaped[Tensor, " q"],
        pos_k: Shaped[Tensor, " k"],
    ) -> tuple[Float[Tensor, "b h q d"], Float[Tensor, "b h k d"]]:
        return q * math.sqrt(q.shape[-1]), k

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "1 h q k"]:
        return bias_by_distance(lambda by: look_up(self.table, self.buckets(by)), pos_q, pos_k)
