"""The original Transformer's body: an encoder, and a decoder that reads it across."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posharness.contracts import Batch, Task
from posharness.model.attention import Memory
from posharness.model.embedding import Embedding
from posharness.model.stack import Stack, unpadded

__all__ = ["TwoStacks"]


class TwoStacks(nn.Module):
    """An encoder over `Batch.memory`, then a decoder over `Batch.tokens` (1706.03762, figure 1).

    Args:
        decoder: its blocks have cross-attention.

    Attributes:
        max_length: the longest memory that the encoder's encoding is defined for; None for no limit.
    """

    def __init__(self, encoder: Stack, decoder: Stack) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.max_length = encoder.max_length

    @property
    def embedding(self) -> Embedding:
        """The decoder's; its token table is the encoder's too."""
        return self.decoder.embedding

    @property
    def encodings(self) -> nn.ModuleList:
        """Those of both stacks."""
        return nn.ModuleList([*self.encoder.encodings, *self.decoder.encodings])

    def forward(self, batch: Batch, generator: torch.Generator) -> Float[Tensor, "b n width"]:
        """The hidden state of every position of the decoder.

        Args:
            generator: what position ids are drawn from, the encoder's first.

        Raises:
            ValueError: the batch has no memory.
        """
        if batch.memory is None:
            raise ValueError("an encoder-decoder reads batches with a memory, and this one has none")
        states = self.encoder.read(batch.memory, generator, padding=batch.memory_padding)  # b m width
        memory = Memory(states, unpadded(batch.tokens.shape[1], batch.memory_padding))
        return self.decoder.read(
            batch.tokens, generator, padding=batch.padding, segments=batch.segments, memory=memory
        )

    def defined(self, task: Task, length: int) -> bool:
        """Whether both stacks' encodings are defined where the task's memory has that length."""
        return self.encoder.defined(task, length) and self.decoder.defined(task, task.decoder_length(length))
