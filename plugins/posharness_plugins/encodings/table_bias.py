"""A learned bias for each head and distance, up to the size of the table."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from posharness.contracts import Geometry, PositionalEncoding, UserError
from posharness_plugins.encodings._by_distance import bias_by_distance, look_up, whole


class TableBias(PositionalEncoding):
    """s_ij += b[h, j − i], with b a learned table of every distance below `max_length`.

    The bias of Swin Transformer (2103.14030, equation 4) and BEiT, along one axis instead of two. Each layer
    has its own table, of 2·max_length − 1 distances in a bidirectional body and max_length in a causal one,
    with initial standard deviation 0.02 as in Swin's code. `max_length`, in positions, is the training length
    by default. Distances that training never uses keep their initial bias; a distance of max_length or more
    raises RuntimeError. Fractional distances are rounded. `trained=False` keeps the table as it starts.
    """

    name = "table_bias"
    aliases = ("swin", "beit")
    summary = "A learned bias for each head and distance (Swin, BEiT)"
    paper = "arXiv:2103.14030"
    family = "relative"
    shift_invariant = True

    def __init__(self, geometry: Geometry, *, max_length: int | None = None, trained: bool = True) -> None:
        super().__init__(geometry)
        length = geometry.length if max_length is None else max_length
        if length < geometry.length:
            raise UserError(
                f"table_bias[max_length={length}] is too short for training sequences of {geometry.length} "
                f"tokens: give a max_length of {geometry.length} or more."
            )
        self.max_length = length
        self.causal = geometry.direction == "causal"
        rows = length if self.causal else 2 * length - 1
        self.table = nn.Parameter(nn.init.trunc_normal_(torch.empty(geometry.heads, rows), std=0.02))
        self.requires_grad_(trained)

    def bias(
        self, pos_q: Shaped[Tensor, " q"], pos_k: Shaped[Tensor, " k"], x: Float[Tensor, "b k width"] | None
    ) -> Float[Tensor, "1 h q k"]:
        return bias_by_distance(self._of, pos_q, pos_k)

    def _of(self, distances: Shaped[Tensor, " n"]) -> Float[Tensor, "h n"]:
        delta = whole(distances)
        if self.causal:
            # A key after the query is hidden anyway: any row will do.
            return look_up(self.table, (-delta).clamp(min=0))
        assert self.max_length is not None
        return look_up(self.table, delta + self.max_length - 1)
