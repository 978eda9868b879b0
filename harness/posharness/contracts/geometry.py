"""The place in a model that an encoding or an attention is built for."""

from __future__ import annotations

from dataclasses import dataclass

from posharness.contracts.cell import ModelSettings
from posharness.contracts.plugin import Body, Direction

__all__ = ["Geometry", "geometry"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The place in a model that an encoding or an attention is built for.

    Attributes:
        width: model width d.
        heads: number of attention heads h; each is `width // heads` wide.
        length: the longest sequence of training, in tokens.
        direction: "causal" where a query sees only the keys up to its own position.
        layers: number of layers in the stack.
        layer: index of the layer, from 0; 0 for an instance that all layers share.
        embedding_std: standard deviation of the token embeddings at initialisation, a good scale for an
            additive encoding to start at.
    """

    width: int
    heads: int
    length: int
    direction: Direction
    layers: int = 1
    layer: int = 0
    embedding_std: float = 1.0

    @property
    def head_width(self) -> int:
        """The width of a head, d."""
        return self.width // self.heads


def geometry(model: ModelSettings, body: Body, length: int, layer: int = 0) -> Geometry:
    """The geometry of a layer of self-attention.

    Args:
        body: "encoder" or "decoder"; in an encoder-decoder, the stack. Its cross-attention has the geometry
            of the encoder, whose states are its keys.
        length: the longest sequence of training.
    """
    direction: Direction = "bidirectional" if body == "encoder" else "causal"
    return Geometry(
        width=model.width,
        heads=model.heads,
        length=length,
        direction=direction,
        layers=model.layers,
        layer=layer,
        embedding_std=1.0 if model.scale_embedding else 0.02,
    )
