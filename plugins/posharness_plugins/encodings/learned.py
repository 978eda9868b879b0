"""A learned vector for each absolute position, added to the embeddings."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from posharness.contracts import Geometry, PositionalEncoding, UserError


class Learned(PositionalEncoding):
    """x_i += P[i], with P a learned table of `max_length` rows (BERT, 1810.04805).

    By default the table has as many rows as a training sequence has tokens. Rows that training never uses
    keep their initial values. As in BERT, the table starts with the standard deviation of the token
    embeddings, times `start`; GPT-2's code uses half of it. Much smaller initial values are learned late.
    `trained=False` keeps the table as it starts. Positions are integers below `max_length`; others raise
    IndexError or TypeError.
    """

    name = "learned"
    summary = "A learned vector for each position added to the embeddings (BERT)"
    paper = "arXiv:1810.04805"
    family = "absolute"
    per = "model"

    def __init__(
        self, geometry: Geometry, *, max_length: int | None = None, start: float = 1.0, trained: bool = True
    ) -> None:
        super().__init__(geometry)
        rows = geometry.length if max_length is None else max_length
        if rows < geometry.length:
            raise UserError(
                f"learned[max_length={rows}] is too short for training sequences of {geometry.length} "
                f"tokens: give a max_length of {geometry.length} or more."
            )
        if not 0.0 <= start < math.inf:
            raise UserError(f"learned[start={start:g}]: give a multiple of the tokens' scale, 0 or more.")
        self.max_length = rows
        self.table = nn.Parameter(
            nn.init.normal_(torch.empty(rows, geometry.width), std=start * geometry.embedding_std)
        )
        self.requires_grad_(trained)

    def embed(self, x: Float[Tensor, "b n width"], pos: Int[Tensor, " n"]) -> Float[Tensor, "b n width"]:
        return x + self.table[pos].to(x.dtype)
