"""The embedding of token ids, before the first layer."""

from __future__ import annotations

import math

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from posharness.contracts import PositionalEncoding
from posharness.contracts.cell import ModelSettings
from posharness.model.initial import EMBEDDING_STD
from posharness.model.norm import layer_norm

__all__ = ["Embedding"]


class Embedding(nn.Module):
    """x = dropout(norm(embed(s·(E[token] + S[segment])))).

    With `scale_embedding`, E and S start at variance 1/width and s = √width (1706.03762, section 3.4);
    without, they start at standard deviation 0.02 and s = 1 (1810.04805). Only a post-LayerNorm
    body has `norm`, as in 1810.04805. `embed` is the slot of the encoding.

    Args:
        tokens: the table E of another stack, to share (1706.03762, section 3.4); by default a new one.
    """

    def __init__(
        self, settings: ModelSettings, *, vocabulary: int, segments: int, tokens: nn.Embedding | None = None
    ) -> None:
        super().__init__()
        width = settings.width
        std = width**-0.5 if settings.scale_embedding else EMBEDDING_STD
        self.scale = math.sqrt(width) if settings.scale_embedding else 1.0
        if tokens is None:
            tokens = nn.Embedding(vocabulary, width)
            nn.init.normal_(tokens.weight, std=std)
        self.tokens = tokens
        self.segments = nn.Embedding(segments, width) if segments else None
        if self.segments is not None:
            nn.init.normal_(self.segments.weight, std=std)
        self.norm = layer_norm(settings) if settings.norm == "post" else nn.Identity()
        self.drop = nn.Dropout(settings.dropout)

    def forward(
        self,
        tokens: Int[Tensor, "b n"],
        segments: Int[Tensor, "b n"] | None,
        encoding: PositionalEncoding,
        pos: Shaped[Tensor, " n"],
    ) -> Float[Tensor, "b n width"]:
        """Embed the tokens, and the segments if the task has any."""
        x = self.tokens(tokens)  # b n width
        if self.segments is not None and segments is not None:
            x = x + self.segments(segments)
        x = self.scale * x
        if "embed" in encoding.slots:
            x = encoding.embed(x, pos)
        embedded: Tensor = self.drop(self.norm(x))
        return embedded
