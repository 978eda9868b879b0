"""The LayerNorm of a body and of its readouts."""

from __future__ import annotations

from torch import nn

from posharness.contracts.cell import ModelSettings

__all__ = ["layer_norm"]


def layer_norm(settings: ModelSettings) -> nn.LayerNorm:
    """LayerNorm over the width; ε is 1e-5, or in a post-LayerNorm body 1e-12 as in BERT's code."""
    return nn.LayerNorm(settings.width, eps=1e-12 if settings.norm == "post" else 1e-5)
