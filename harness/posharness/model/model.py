"""A model: a body that turns a batch into hidden states, and one readout for each objective."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posharness.contracts import Batch
from posharness.model.stack import Stack
from posharness.model.two_stacks import TwoStacks

__all__ = ["Model"]


class Model(nn.Module):
    """Body and readouts, kept apart so that logits are computed only where something is scored."""

    def __init__(self, body: Stack | TwoStacks, readouts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.body = body
        self.readouts = nn.ModuleList(readouts)

    def forward(self, batch: Batch, generator: torch.Generator) -> Float[Tensor, "b n width"]:
        """The hidden state of every position; `generator` is for the encoding's position ids."""
        hidden: Tensor = self.body(batch, generator)
        return hidden

    def logits(self, hidden: Float[Tensor, "m width"], objective: int) -> Float[Tensor, "m classes"]:
        """Logits of the objective of that index, at m scored positions."""
        logits: Tensor = self.readouts[objective](hidden)
        return logits

    @property
    def parameter_count(self) -> int:
        """Trained numbers, each counted once where weights are tied."""
        return sum(p.numel() for p in self.parameters())

    @property
    def encoding_parameter_count(self) -> int:
        """Those among them that the positional encoding adds."""
        return sum(p.numel() for p in self.body.encodings.parameters())
