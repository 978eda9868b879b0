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
        heads: attention heads H; each is `width // heads` wide.
        length: the longest sequence of training, in tokens.
        direction: whether queries see the keys after them.
        layers: how many layers the stack has.
        layer: which of them this instance serves, from 0 (always 0 for one shared by all layers).
        embedding_std: standard deviation of the token embeddings at initialisation; an additive
            encoding that wants to be heard starts at the same scale.
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
        return self.width // self.heads


def geometry(model: ModelSettings, body: Body, length: int, layer: int = 0) -> Geometry:
    """The geometry of a layer of self-attention.

    Args:
        body: "encoder" or "decoder"; of an encoder-decoder, which of its stacks. Its cross-attention has
            the geometry of the encoder, whose states it reads.
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
