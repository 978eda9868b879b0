"""A stack of layers over embedded tokens: an encoder or a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from posharness.contracts import Batch, Direction, PositionalEncoding, Task
from posharness.contracts.cell import ModelSettings
from posharness.model.attention import Memory, shared_biases
from posharness.model.block import Block
from posharness.model.embedding import Embedding
from posharness.model.masks import visible
from posharness.model.norm import layer_norm
from posharness.model.queries import Needed, Queries, chunk_size, in_pieces, narrowed

__all__ = ["Stack"]


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
        self.chunk = settings.chunk
        self.embedding = embedding
        self.encodings = nn.ModuleList(encodings)
        self.blocks = nn.ModuleList(blocks)
        self.norm = layer_norm(settings) if settings.norm == "pre" else nn.Identity()

    def forward(
        self, batch: Batch, generator: torch.Generator, needed: Needed | None = None
    ) -> Float[Tensor, "b m width"]:
        """The hidden states.

        Args:
            generator: the encoding draws its position ids from it.
            needed: the positions whose states are computed; None for all.
        """
        return self.read(
            batch.tokens, generator, padding=batch.padding, segments=batch.segments, needed=needed
        )

    def read(
        self,
        tokens: Int[Tensor, "b n"],
        generator: torch.Generator,
        *,
        padding: Bool[Tensor, "b n"] | None = None,
        segments: Int[Tensor, "b n"] | None = None,
        memory: Memory | None = None,
        needed: Needed | None = None,
    ) -> Float[Tensor, "b m width"]:
        """The same for the tokens of one stack; `memory` is for cross-attention."""
        first, *others = cast("Sequence[PositionalEncoding]", self.encodings)
        n = tokens.shape[1]
        pos = first.positions(n, generator).to(tokens.device)  # n
        x = self.embedding(tokens, segments, first, pos)  # b n width
        mask = visible(tokens, padding, causal=self.causal)  # b 1 n n, 1 1 n n or None
        encodings = [first, *others] if others else [first] * len(self.blocks)
        every, last = self._queries(n, needed, tokens.device)
        biases = shared_biases(first, pos, every)  # of each piece 1 h q k, or None
        for layer, (block, encoding) in enumerate(zip(self.blocks, encodings, strict=True), 1):
            queries = last if layer == len(self.blocks) else every
            if queries.pieces is not every.pieces:
                biases = shared_biases(first, pos, queries)
            x = block(x, pos, mask, encoding, queries, biases, memory)  # b n width; of the last b m width
        hidden: Tensor = self.norm(x)
        return hidden

    def _queries(self, n: int, needed: Needed | None, device: torch.device) -> tuple[Queries, Queries]:
        """The queries of every layer but the last, and those of the last."""
        attention = cast("Sequence[Block]", self.blocks)[-1].attention.attention
        encoding = cast("Sequence[PositionalEncoding]", self.encodings)[0]
        whole = attention.queries == "all" or not encoding.in_pieces
        chunk = 0 if whole else chunk_size(n, self.chunk, device)
        every = in_pieces(n, causal=self.causal, chunk=chunk)
        if needed is None:
            return every, every
        return every, narrowed(every, n, needed, attention, causal=self.causal, chunk=chunk)

    def defined(self, task: Task, length: int) -> bool:
        """Whether the encoding is defined for sequences of that length."""
        return self.max_length is None or length <= self.max_length
