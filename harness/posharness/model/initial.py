"""The initial values of a body's linear maps."""

from __future__ import annotations

from torch import nn

__all__ = ["initialise"]


def initialise(linear: nn.Linear, *, layers: int | None = None) -> None:
    """Xavier-normal weights and zero biases.

    Args:
        layers: given for a map that writes into the residual stream, whose weights are divided by
            √(2·layers), so that the stream's variance does not grow with depth (GPT-2).
    """
    gain = 1.0 if layers is None else (2 * layers) ** -0.5
    nn.init.xavier_normal_(linear.weight, gain=gain)
    nn.init.zeros_(linear.bias)
