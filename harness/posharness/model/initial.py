"""The initial values of a model's linear maps."""

from __future__ import annotations

from torch import nn

from posharness.contracts.cell import ModelSettings

__all__ = ["EMBEDDING_STD", "initialise"]

EMBEDDING_STD = 0.02
"""The standard deviation of all initial weights where embeddings are not scaled (1810.04805)."""


def initialise(linear: nn.Linear, settings: ModelSettings, *, residual: bool = False) -> None:
    """Zero biases, and Xavier-normal weights; with unscaled embeddings, weights of standard deviation 0.02.

    Args:
        residual: whether the map writes into the residual stream. Xavier-normal weights are then divided
            by √(2·layers), so that the stream's variance does not grow with depth (GPT-2).
    """
    if settings.scale_embedding:
        gain = (2 * settings.layers) ** -0.5 if residual else 1.0
        nn.init.xavier_normal_(linear.weight, gain=gain)
    else:
        nn.init.normal_(linear.weight, std=EMBEDDING_STD)
    nn.init.zeros_(linear.bias)
