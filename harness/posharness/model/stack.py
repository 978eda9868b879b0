"""A stack of layers over embedded tokens: an encoder or a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from posharness.contracts import Batch, Direction, PositionalEncoding, Task
from posharness.contracts.cell import ModelSettings
from posharness.model.attention import Memory, shared_bias
from posharness.model.block import Block
from posharness.model.embedding import Embedding
from posharness.model.norm import layer_norm

__all__ = ["Stack", "unpadded", "visible"]


class Stack(nn.Module):
    """Maps tokens to hidden states; `read` shows the computation from top to bottom.

    Args:
        encodings: one for each block, or a single one that all blocks share.
        direction: if "causal", a position does not see those after it.

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
        self.norm = layer_norm(settings) if settings.norm == "pre" else nn.Identity()

    def forward(self, batch: Batch, generator: torch.Generator) -> Float[Tensor, "b n width"]:
        """The hidden state of every position.

        Args:
            generator: the encoding draws its position ids from it.
        """
        return self.read(batch.tokens, generator, padding=batch.padding, segments=batch.segments)

    def read(
        self,
        tokens: Int[Tensor, "b n"],
        generator: torch.Generator,
        *,
        padding: Bool[Tensor, "b n"] | None = None,
        segments: Int[Tensor, "b n"] | None = None,
        memory: Memory | None = None,
    ) -> Float[Tensor, "b n width"]:
        """The same for the tokens of one stack; `memory` is for cross-attention."""
        first, *others = cast("Sequence[PositionalEncoding]", self.encodings)
        pos = first.positions(tokens.shape[1], generator).to(tokens.device)  # n
        x = self.embedding(tokens, segments, first, pos)  # b n width
        mask = visible(tokens, padding, causal=self.causal)  # b 1 n n, 1 1 n n or None
        bias = shared_bias(first, pos)  # 1 h n n or None
        encodings = [first, *others] if others else [first] * len(self.blocks)
        for block, encoding in zip(self.blocks, encodings, strict=True):
            x = block(x, pos, mask, encoding, bias, memory)
        hidden: Tensor = self.norm(x)
        return hidden

    def defined(self, task: Task, length: int) -> bool:
        """Whether the encoding is defined for sequences of that length."""
        return self.max_length is None or length <= self.max_length


def visible(
    tokens: Int[Tensor, "b n"], padding: Bool[Tensor, "b n"] | None, *, causal: bool
) -> Bool[Tensor, "#b 1 n n"] | None:
    """True where a query (third axis) may see a key (last axis); None where every query sees every key."""
    n = tokens.shape[1]
    real = unpadded(n, padding)
    if not causal:
        return real
    mask = torch.ones(1, 1, n, n, dtype=torch.bool, device=tokens.device).tril()
    return mask if real is None else mask & real


def unpadded(queries: int, padding: Bool[Tensor, "b k"] | None) -> Bool[Tensor, "b 1 q k"] | None:
    """The mask that hides padding from this number of queries; None without padding."""
    if padding is None or not padding.any():
        return None
    return ~padding[:, None, None, :].expand(-1, -1, queries, -1)
