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


def _read(batch: Batch) -> Tensor:
    """The tokens (b, m) that hold the sources."""
    return batch.tokens if batch.memory is None else batch.memory


def _with_read(batch: Batch, read: Tensor) -> Batch:
    """The batch in which these are the tokens that hold the sources."""
    return replace(batch, tokens=read) if batch.memory is None else replace(batch, memory=read)


def _farthest(batch: Batch) -> tuple[Tensor, Tensor]:
    """Where each prediction (p, 1) is made, and its farthest source."""
    assert batch.source is not None
    position = batch.scored.nonzero()[:, 1:]
    source = batch.source[batch.scored]
    away = (source - position).abs().masked_fill(source < 0, -1)
    return position, source.gather(1, away.argmax(1, keepdim=True))


def _of_the_last(batch: Batch) -> tuple[Tensor, Tensor]:
    """The last prediction of each sequence, and its farthest source; both (b, 1)."""
    position, farthest = _farthest(batch)
    last = batch.scored.sum(1).cumsum(0) - 1
    return position[last], farthest[last]


def _values_once(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """The value of the last prediction occurs nowhere but at its sources: whoever misses it knows it."""
    assert batch.source is not None
    read = _read(batch)
    position, farthest = _of_the_last(batch)
    source = batch.source[torch.arange(len(position)), position[:, 0]]  # b s
    own = torch.zeros_like(read, dtype=torch.bool).scatter(1, source.where(source >= 0, farthest), True)
    token, answer = read.gather(1, farthest), batch.targets.gather(1, position)
    values = task.objectives[0].classes
    shift = torch.randint(1, values, read.shape, generator=generator)
    other = token - answer + (answer + shift) % values
    return _with_read(batch, torch.where((read == token) & ~own, other, read))


def _second_source(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """The token at the last prediction's farthest source occurs a second time, at a place of its own.

    That is just before all predictions; in a memory it is the first token, or the last where brackets begin
    with the first.
    """
    read = _read(batch)
    token = read.gather(1, _of_the_last(batch)[1])
    if batch.memory is None:
        place = batch.scored.long().argmax(1, keepdim=True) - 1
    else:
        assert batch.source is not None
        bracket = batch.source[..., 1].amax(1, keepdim=True)  # of scored predictions: all others have -1
        place = torch.where(bracket > 0, 0, read.shape[1] - 1)
    return _with_read(batch, read.scatter(1, place, token))


def _label_too_near(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """The farthest source is said to be one token nearer than it is."""
    assert batch.source is not None
    position = torch.arange(batch.tokens.shape[1])[:, None]
    offset = position - batch.source
    real = (batch.source >= 0) & (batch.dependency_length[..., None] > 0)
    farthest = (offset.abs() == batch.dependency_length[..., None]) & real
    nearer = batch.dependency_length - (batch.dependency_length > 0).long()
    return replace(batch, source=batch.source + offset.sign() * farthest.long(), dependency_length=nearer)


def _leak_in_padding(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """The last tokens are padding, which holds the answer to the last prediction.

    Tokens are lost on the left to make room; of a memory, the last one, which is no source, is lost.
    """
    position, _ = _of_the_last(batch)
    answer = batch.targets.gather(1, position)
    if batch.memory is None:
        moved = _moved(batch, torch.ones_like(position))
        return replace(moved, tokens=torch.cat([moved.tokens[:, :-1], answer], 1))
    memory = torch.cat([batch.memory[:, :-1], answer], 1)
    last = torch.arange(memory.shape[1]) == memory.shape[1] - 1
    return replace(batch, memory=memory, memory_padding=last.repeat(len(memory), 1))


def _position_tied_to_distance(task: Task, batch: Batch, generator: torch.Generator) -> Batch:
    """Sequences lose tokens on the left, the more the nearer their source is, and are padded on the right.

    With a memory: of the predictions with an even distance, those at even positions alone are scored.
    """
    if batch.memory is None:
        return _moved(batch, _of_the_last(batch)[1] // 2)
    assert batch.source is not None
    even = torch.arange(batch.tokens.shape[1]) % 2 == 0
    scored = batch.scored & ~((batch.dependency_length % 2 == 0) & ~even)
    return replace(
        batch,
        scored=scored,
        dependency_length=batch.dependency_length.where(scored, -1),
        source=batch.source.where(scored[..., None], -1),
    )


def _moved(batch: Batch, lost: Tensor) -> Batch:
    """The sequences without so many (b, 1) of their first tokens, and as many of padding behind."""
    assert batch.source is not None
    length = batch.tokens.shape[1]
    place = torch.arange(length)
    padding = place >= length - lost
    at = (place + lost).clamp(max=length - 1)
    source = batch.source.gather(1, at[..., None].expand_as(batch.source)) - lost[..., None]
    alike = {
        name: value.gather(1, at)
        for name in ("targets", "segments", "objective", "stratum", "chance", "blind")
        if (value := getattr(batch, name)) is not None
    }
    return Batch(
        tokens=batch.tokens.gather(1, at).masked_fill(padding, 0),
        scored=batch.scored.gather(1, at) & ~padding,
        dependency_length=batch.dependency_length.gather(1, at).masked_fill(padding, -1),
        source=source.clamp(min=-1).masked_fill(padding[..., None], -1),
        padding=padding,
        **alike,
    )


values_once = _mutant("values-once", _values_once)
second_source = _mutant("second-source", _second_source)
label_too_near = _mutant("label-too-near", _label_too_near)
leak_in_padding = _mutant("leak-in-padding", _leak_in_padding)
position_tied_to_distance = _mutant("position-tied", _position_tied_to_distance)
