"""The bodies, by name: how the parts of a cell are put together into something that reads tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from posharness.cell import Cell
from posharness.contracts import Body, Incompatible, PositionalEncoding, Task
from posharness.manager import Registry
from posharness.model.attention import SelfAttention
from posharness.model.block import Block, FeedForward
from posharness.model.embedding import Embedding
from posharness.model.stack import Stack
from posharness.plan import geometry
from posharness.seeds import seeded

__all__ = ["BODIES"]


def _single_stack(cell: Cell, registry: Registry, task: Task) -> Stack:
    """One stack; the encoder and the decoder differ in the direction of their geometry only.

    Each part is built with a generator of its own, so that its initial values depend on its name and
    the seed, and on no other part: all encodings start from the same weights.
    """
    settings = cell.model
    place = geometry(settings, cell.body, task.length)
    with seeded("weights", "embedding", cell.seed):
        embedding = Embedding(settings, vocabulary=task.vocabulary, segments=task.segments)
    encodings = _encodings(cell, registry, task)
    return Stack(
        settings,
        embedding=embedding,
        encodings=encodings,
        blocks=[_block(cell, registry, task, layer, encodings[0]) for layer in range(settings.layers)],
        direction=place.direction,
    )


def _encodings(cell: Cell, registry: Registry, task: Task) -> list[PositionalEncoding]:
    built: list[PositionalEncoding] = []
    for layer in range(cell.model.layers):
        with seeded("weights", "encoding", layer, cell.seed):
            built.append(
                registry.encoding(cell.encoding, geometry(cell.model, cell.body, task.length, layer))
            )
        if built[0].per == "model":
            break
    return built


def _block(cell: Cell, registry: Registry, task: Task, layer: int, encoding: PositionalEncoding) -> Block:
    place = geometry(cell.model, cell.body, task.length, layer)
    with seeded("weights", "attention", layer, cell.seed):
        attention = registry.attention(cell.attention, place)
    # An attention that ignored a slot in silence would measure another encoding than the one named.
    if lacking := sorted(encoding.slots - attention.slots):
        raise Incompatible(
            f"{attention.name} attention does not honour {encoding.name}'s {' and '.join(lacking)}"
        )
    with seeded("weights", "projections", layer, cell.seed):
        projected = SelfAttention(cell.model, attention)
    with seeded("weights", "feedforward", layer, cell.seed):
        feedforward = FeedForward(cell.model)
    return Block(cell.model, projected, feedforward)


def _two_stacks(cell: Cell, registry: Registry, task: Task) -> Stack:
    raise Incompatible("the encoder-decoder body is not available yet; take the encoder or the decoder")


BODIES: Mapping[Body, Callable[[Cell, Registry, Task], Stack]] = {
    "encoder": _single_stack,
    "decoder": _single_stack,
    "encoder-decoder": _two_stacks,
}
