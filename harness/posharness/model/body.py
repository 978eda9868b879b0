"""The bodies, by name: how each is built from the parts of a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from posharness.contracts import Attention, Body, Geometry, Incompatible, PositionalEncoding, Task
from posharness.contracts.cell import Cell, Choice
from posharness.contracts.geometry import geometry
from posharness.contracts.incompatibilities import (
    unsupported_cross_attention,
    unsupported_direction,
    unsupported_slots,
)
from posharness.model.attention import CrossAttention, SelfAttention
from posharness.model.block import Block, FeedForward
from posharness.model.embedding import Embedding
from posharness.model.stack import Stack
from posharness.model.two_stacks import TwoStacks
from posharness.registry.registry import Registry
from posharness.seeds import seeded

__all__ = ["BODIES"]


def _single_stack(cell: Cell, registry: Registry, task: Task) -> Stack:
    """One stack. Encoder and decoder differ only in the direction of their geometry."""
    return _Parts(cell, registry, task, cell.body, task.length, cell.attention).stack(task.segments)


def _two_stacks(cell: Cell, registry: Registry, task: Task) -> TwoStacks:
    """An encoder, and a decoder with the cell's attention as cross-attention; they share token embeddings."""
    within = cell.self_attention or cell.attention
    length = task.decoder_length(task.length)
    decoder = _Parts(cell, registry, task, "decoder", length, within, ("decoder",)).stack(
        task.segments, across=True
    )
    encoder = _Parts(cell, registry, task, "encoder", task.length, within, ("encoder",))
    return TwoStacks(encoder.stack(segments=0, tokens=decoder.embedding.tokens), decoder)


BODIES: Mapping[Body, Callable[[Cell, Registry, Task], Stack | TwoStacks]] = {
    "encoder": _single_stack,
    "decoder": _single_stack,
    "encoder-decoder": _two_stacks,
}


@dataclass(frozen=True)
class _Parts:
    """The parts of one stack.

    Each part is built with its own generator, so that its initial values depend only on its name and the
    seed: all encodings start from the same weights.

    Attributes:
        kind: "encoder" or "decoder".
        length: length of its sequences in training.
        attention: its self-attention.
        name: prefix of the purposes of its seeds; empty for a body's only stack.
    """

    cell: Cell
    registry: Registry
    task: Task
    kind: Body
    length: int
    attention: Choice
    name: tuple[str, ...] = ()

    def stack(self, segments: int, *, tokens: nn.Embedding | None = None, across: bool = False) -> Stack:
        """Build the stack.

        Args:
            segments: number of segment ids.
            tokens: the token embeddings of another stack, to share.
            across: whether each block has cross-attention.
        """
        settings = self.cell.model
        encodings = self._encodings()
        with seeded("weights", *self.name, "embedding", self.cell.seed):
            embedding = Embedding(settings, vocabulary=self.task.vocabulary, segments=segments, tokens=tokens)
        return Stack(
            settings,
            embedding=embedding,
            encodings=encodings,
            blocks=[self._block(layer, encodings[0], across) for layer in range(settings.layers)],
            direction=self._geometry(0).direction,
        )

    def _geometry(self, layer: int) -> Geometry:
        return geometry(self.cell.model, self.kind, self.length, layer)

    def _encodings(self) -> list[PositionalEncoding]:
        built: list[PositionalEncoding] = []
        for layer in range(self.cell.model.layers):
            with seeded("weights", *self.name, "encoding", layer, self.cell.seed):
                built.append(self.registry.encoding(self.cell.encoding, self._geometry(layer)))
            if built[0].per == "model":
                break
        return built

    def _block(self, layer: int, encoding: PositionalEncoding, across: bool) -> Block:
        attention = self._attention("attention", self.attention, self._geometry(layer))
        direction = self._geometry(layer).direction
        reason = (
            unsupported_direction(encoding, self.cell.encoding.label or encoding.name, direction)
            or unsupported_direction(attention, self.attention.label or attention.name, direction)
            or unsupported_slots(encoding, attention)
        )
        if reason:
            raise Incompatible(reason)
        settings, seed = self.cell.model, self.cell.seed
        with seeded("weights", *self.name, "projections", layer, seed):
            self_attention = SelfAttention(settings, attention)
        with seeded("weights", *self.name, "feedforward", layer, seed):
            feedforward = FeedForward(settings)
        return Block(settings, self_attention, feedforward, self._cross(layer) if across else None)

    def _cross(self, layer: int) -> CrossAttention:
        of_encoder = geometry(self.cell.model, "encoder", self.task.length, layer)
        attention = self._attention("cross-attention", self.cell.attention, of_encoder)
        reason = unsupported_cross_attention(attention) or unsupported_direction(
            attention, self.cell.attention.label or attention.name, of_encoder.direction
        )
        if reason:
            raise Incompatible(reason)
        with seeded("weights", *self.name, "cross-projections", layer, self.cell.seed):
            return CrossAttention(self.cell.model, attention)

    def _attention(self, purpose: str, choice: Choice, geometry: Geometry) -> Attention:
        with seeded("weights", *self.name, purpose, geometry.layer, self.cell.seed):
            return self.registry.attention(choice, geometry)
