"""The body of the original Transformer: an encoder, and a decoder with cross-attention to it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posharness.contracts import Batch, Task
from posharness.model.attention import Memory
from posharness.model.embedding import Embedding
from posharness.model.queries import Needed
from posharness.model.stack import Stack

__all__ = ["TwoStacks"]


class TwoStacks(nn.Module):
    """An encoder over `Batch.memory`, then a decoder over `Batch.tokens` (1706.03762, figure 1).

    Args:
        decoder: a stack whose blocks have cross-attention.

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
        """The embedding of the decoder; both stacks share its token embeddings."""
        return self.decoder.embedding

    @property
    def encodings(self) -> nn.ModuleList:
        """The encodings of both stacks."""
        return nn.ModuleList([*self.encoder.encodings, *self.decoder.encodings])

    def forward(
        self, batch: Batch, generator: torch.Generator, needed: Needed | None = None
    ) -> Float[Tensor, "b m width"]:
        """The hidden states of the decoder.

        Args:
            generator: the encodings draw their position ids from it, that of the encoder first.
            needed: the positions of the decoder whose states are computed; None for all.

        Raises:
            ValueError: the batch has no memory.
        """
        if batch.memory is None:
            raise ValueError("The batch has no memory: an encoder-decoder needs one.")
        states = self.encoder.read(batch.memory, generator, padding=batch.memory_padding)  # b m width
        return self.decoder.read(
            batch.tokens,
            generator,
            padding=batch.padding,
            segments=batch.segments,
            memory=Memory(states, batch.memory_padding),
            needed=needed,
        )

    def defined(self, task: Task, length: int) -> bool:
        """Whether the encodings of both stacks are defined for a memory of that length."""
        return self.encoder.defined(task, length) and self.decoder.defined(task, task.decoder_length(length))
