"""A model: a body that turns a batch into hidden states, and one readout for each objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posharness.contracts import Batch, PositionalEncoding
from posharness.model.queries import needed
from posharness.model.stack import Stack
from posharness.model.two_stacks import TwoStacks

__all__ = ["Model"]


class Model(nn.Module):
    """A body and its readouts, separate so that logits are computed only at scored positions."""

    def __init__(self, body: Stack | TwoStacks, readouts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.body = body
        self.readouts = nn.ModuleList(readouts)

    def forward(self, batch: Batch, generator: torch.Generator) -> Float[Tensor, "b n width"]:
        """The hidden state of every position; the encoding draws its position ids from `generator`."""
        hidden: Tensor = self.body(batch, generator)
        return hidden

    def scored(self, batch: Batch, generator: torch.Generator) -> Float[Tensor, "m width"]:
        """The hidden states of the m scored positions, in the order of `batch.scored.nonzero()`.

        The last layer computes no other states.
        """
        part = needed(batch.scored)
        hidden: Tensor = self.body(batch, generator, part)
        return hidden[batch.scored] if part is None else part.picked(hidden)

    def logits(self, hidden: Float[Tensor, "m width"], objective: int) -> Float[Tensor, "m classes"]:
        """The logits of the objective with that index, at m scored positions."""
        logits: Tensor = self.readouts[objective](hidden)
        return logits

    @property
    def parameter_count(self) -> int:
        """Number of trainable parameters; tied weights count once."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    @property
    def encoding_parameter_count(self) -> int:
        """Number of trainable parameters of the positional encoding."""
        return sum(p.numel() for p in self.body.encodings.parameters() if p.requires_grad)

    @property
    def family(self) -> str:
        """The family of the positional encoding."""
        return cast("PositionalEncoding", self.body.encodings[0]).family
