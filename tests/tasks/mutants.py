"""Tasks with a fault planted: values drawn once each, a second source, a label too near, and others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from posharness.contracts import Batch, Split, Task

__all__ = [
    "label_too_near",
    "leak_in_padding",
    "position_tied_to_distance",
    "second_source",
    "values_once",
]


def _mutant(name: str, change: Callable[[Task, Batch, torch.Generator], Batch]) -> Callable[[type], type]:
    """A function of a task's class to the same class with changed batches."""

    def plant(of: type[Task]) -> type[Task]:
        def sample(self: Task, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
            return change(self, of.sample(self, generator, n, length, split), generator)

        return type(f"{of.__name__}Mutant", (of,), {"sample": sample, "name": f"{of.name}-{name}"})

    return plant


def _of_the_last(batch: Batch) -> tuple[Tensor, Tensor]:
    """The last prediction of each sequence, and its farthest source; both (b, 1)."""
    assert batch.source is not None
    place = torch.arange(batch.tokens.shape[1])
    position = torch.where(batch.scored, place, -1).amax(1, keepdim=True)
    return position, position - batch.dependency_length.gather(1, position)


def _values_once(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """The value of the last prediction stands nowhere but at its sources: whoever misses it knows it."""
    assert batch.source is not None
    position, _ = _of_the_last(batch)
    source = batch.source[torch.arange(len(position)), position[:, 0]]  # b s
    own = torch.zeros_like(batch.scored).scatter(1, source.where(source >= 0, position), True)
    answer = batch.targets.gather(1, position)
    values = task.objectives[0].classes
    shift = torch.randint(1, values, batch.tokens.shape, generator=generator)
    other = (batch.tokens + shift) % values
    return replace(batch, tokens=torch.where((batch.tokens == answer) & ~own, other, batch.tokens))


def _second_source(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """The answer to the last prediction also stands just before all predictions."""
    position, _ = _of_the_last(batch)
    first = batch.scored.long().argmax(1, keepdim=True)
    tokens = batch.tokens.scatter(1, first - 1, batch.targets.gather(1, position))
    return replace(batch, tokens=tokens)


def _label_too_near(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """The farthest source is said to be one token nearer than it is."""
    assert batch.source is not None
    position = torch.arange(batch.tokens.shape[1])[:, None]
    farthest = (position - batch.source == batch.dependency_length[..., None]) & (batch.source >= 0)
    nearer = batch.dependency_length - (batch.dependency_length > 0).long()
    return replace(batch, source=batch.source + farthest.long(), dependency_length=nearer)


def _leak_in_padding(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """The first token is lost and padding comes last, which holds the answer to the last prediction."""
    position, _ = _of_the_last(batch)
    answer = batch.targets.gather(1, position)
    moved = _moved(batch, torch.ones_like(position))
    return replace(moved, tokens=torch.cat([moved.tokens[:, :-1], answer], 1))


def _position_tied_to_distance(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """Sequences lose tokens on the left, the more the nearer their source is, and are padded on the right."""
    return _moved(batch, _of_the_last(batch)[1] // 2)


def _moved(batch: Batch, lost: Tensor) -> Batch:
    """The sequences without so many (b, 1) of their first tokens, and as many of padding behind."""
    assert batch.source is not None
    length = batch.tokens.shape[1]
    place = torch.arange(length)
    padding = place >= length - lost
    at = (place + lost).clamp(max=length - 1)
    source = batch.source.gather(1, at[..., None].expand_as(batch.source)) - lost[..., None]
    return Batch(
        tokens=batch.tokens.gather(1, at).masked_fill(padding, 0),
        targets=batch.targets.gather(1, at),
        scored=batch.scored.gather(1, at) & ~padding,
        dependency_length=batch.dependency_length.gather(1, at).masked_fill(padding, -1),
        source=source.clamp(min=-1).masked_fill(padding[..., None], -1),
        padding=padding,
    )


values_once = _mutant("values-once", _values_once)
second_source = _mutant("second-source", _second_source)
label_too_near = _mutant("label-too-near", _label_too_near)
leak_in_padding = _mutant("leak-in-padding", _leak_in_padding)
position_tied_to_distance = _mutant("position-tied", _position_tied_to_distance)
