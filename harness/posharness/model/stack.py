"""A stack of layers over embedded tokens: the whole of an encoder or of a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from posharness.cell import ModelSettings
from posharness.contracts import Batch, Direction, PositionalEncoding
from posharness.model.attention import shared_bias
from posharness.model.block import Block
from posharness.model.embedding import Embedding

__all__ = ["Stack"]


class Stack(nn.Module):
    """Tokens to hidden states, read from top to bottom in `forward`.

    Args:
        encodings: one for each block, or a single one that all blocks share.
        direction: "causal" hides from each position those after it.

    Attributes:
        max_length: the longest sequence that the encoding is defined for; None for no limit.
    """

    def __init__(
        self,
        settings: ModelSettings,
        *,
        embedding: Embedding,
        encodings: Sequence[PositionalEncoding],
        blocks: Sequence[Block],
        direction: Direction,
    ) -> None:
        super().__init__()
        self.max_length = encodings[0].max_length
        self.causal = direction == "causal"
        self.embedding = embedding
        self.encodings = nn.ModuleList(encodings)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(settings.width) if settings.norm == "pre" else nn.Identity()

    def forward(self, batch: Batch, generator: torch.Generator) -> Float[Tensor, "b n width"]:
        """The hidden state of every position.

        Args:
            generator: what the encoding's position ids are drawn from.
        """
        first, *others = cast("Sequence[PositionalEncoding]", self.encodings)
        pos = first.positions(batch.tokens.shape[1], generator).to(batch.tokens.device)  # n
        x = self.embedding(batch.tokens, batch.segments, first, pos)  # b n width
        mask = visible(batch, causal=self.causal)  # b 1 n n, 1 1 n n or None
        bias = shared_bias(first, pos)  # 1 h n n or None
        encodings = [first, *others] if others else [first] * len(self.blocks)
        for block, encoding in zip(self.blocks, encodings, strict=True):
            x = block(x, pos, mask, encoding, bias)
        hidden: Tensor = self.norm(x)
        return hidden


def visible(batch: Batch, *, causal: bool) -> Bool[Tensor, "#b 1 n n"] | None:
    """Where a query (third axis) may see a key (last axis); None when it sees every one."""
    n = batch.tokens.shape[1]
    mask = None
    if causal:
        mask = torch.ones(1, 1, n, n, dtype=torch.bool, device=batch.tokens.device).tril()
    if batch.padding is not None and batch.padding.any():
        real = ~batch.padding[:, None, None, :]  # b 1 1 n
        mask = real.expand(-1, -1, n, -1) if mask is None else mask & real
    return mask
