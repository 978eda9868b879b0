"""Readouts: the maps from a hidden state to the logits of an objective's classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jaxtyping import Float
from torch import Tensor, nn

from posharness.contracts import Objective
from posharness.contracts.cell import ModelSettings
from posharness.model.initial import initialise
from posharness.model.norm import layer_norm

__all__ = ["READOUTS", "Linear", "MaskedLanguage", "Pooled"]


class Linear(nn.Module):
    """W h + b."""

    def __init__(self, objective: Objective, tokens: nn.Embedding, settings: ModelSettings) -> None:
        super().__init__()
        self.map = nn.Linear(tokens.embedding_dim, objective.classes)
        initialise(self.map, settings)

    def forward(self, hidden: Float[Tensor, "m width"]) -> Float[Tensor, "m classes"]:
        logits: Tensor = self.map(hidden)
        return logits


class MaskedLanguage(nn.Module):
    """E·norm(GELU(W h + b)) + c, with E the token embeddings themselves (1810.04805).

    Raises:
        ValueError: the objective's classes are not the vocabulary.
    """

    def __init__(self, objective: Objective, tokens: nn.Embedding, settings: ModelSettings) -> None:
        super().__init__()
        if objective.classes != tokens.num_embeddings:
            raise ValueError(
                f"The objective {objective.name!r} has {objective.classes} classes: expected, for an 'mlm' "
                f"readout, one for each of the {tokens.num_embeddings} token ids."
            )
        width = tokens.embedding_dim
        self.dense = nn.Linear(width, width)
        self.gelu = nn.GELU()
        self.norm = layer_norm(settings)
        self.decoder = nn.Linear(width, objective.classes)
        initialise(self.dense, settings)
        nn.init.zeros_(self.decoder.bias)
        self.decoder.weight = tokens.weight

    def forward(self, hidden: Float[Tensor, "m width"]) -> Float[Tensor, "m classes"]:
        logits: Tensor = self.decoder(self.norm(self.gelu(self.dense(hidden))))
        return logits


class Pooled(nn.Module):
    """W tanh(V h + a) + b (1810.04805)."""

    def __init__(self, objective: Objective, tokens: nn.Embedding, settings: ModelSettings) -> None:
        super().__init__()
        self.pooler = nn.Linear(tokens.embedding_dim, tokens.embedding_dim)
        self.tanh = nn.Tanh()
        self.map = nn.Linear(tokens.embedding_dim, objective.classes)
        initialise(self.pooler, settings)
        initialise(self.map, settings)

    def forward(self, hidden: Float[Tensor, "m width"]) -> Float[Tensor, "m classes"]:
        logits: Tensor = self.map(self.tanh(self.pooler(hidden)))
        return logits


READOUTS: Mapping[str, Callable[[Objective, nn.Embedding, ModelSettings], nn.Module]] = {
    "linear": Linear,
    "mlm": MaskedLanguage,
    "pooled": Pooled,
}
"""The readouts by `Objective.readout`; each is built from objective, token embeddings and settings."""
