"""Predictors that see everything but the farthest source, or a window: what they reach is had without it.

A small network on counts, order, position and the nearest tokens; and a small transformer on all tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from posharness.contracts import Batch, Task

from .interventions import seeded

__all__ = [
    "Accuracies",
    "Seen",
    "by_distance",
    "mlp",
    "transformer",
    "whole",
    "window",
    "without_source",
]

_NEAR = 8
"""The tokens on each side of a prediction that the small network sees in their places."""


@dataclass(frozen=True)
class Seen:
    """What a predictor sees of one prediction of each of b sequences, and what is right.

    Attributes:
        tokens: (b, s) ids, those of the memory behind the vocabulary; -1 out of sight.
        offset: (b, s) positions, from the one at which the prediction is made.
        segments: (b, s), -1 out of sight; None for a task without.
        position: (b,) where the prediction is made.
        targets, distance: (b,).
        blind: (b,) the declared accuracy.
    """

    tokens: Tensor
    offset: Tensor
    segments: Tensor | None
    position: Tensor
    targets: Tensor
    distance: Tensor
    blind: Tensor

    def of(self, which: Tensor) -> Seen:
        """Some of them."""
        parts = {name: value[which] for name, value in vars(self).items() if value is not None}
        return replace(self, **parts)

    def in_sight(self) -> Seen:
        """The same without the columns that no row needs: what is in sight comes first, in its order."""
        hidden = self.tokens < 0
        at = hidden.long().argsort(dim=1, stable=True)[:, : int((~hidden).sum(1).max())]
        segments = self.segments
        if segments is not None:
            segments = nn.functional.pad(segments, (0, hidden.shape[1] - segments.shape[1]), value=-1)
            segments = segments.gather(1, at)
        return replace(
            self, tokens=self.tokens.gather(1, at), offset=self.offset.gather(1, at), segments=segments
        )


View = Callable[[Task, Batch, torch.Generator], Seen]


def whole(task: Task, batch: Batch, generator: torch.Generator, *, last: bool = False) -> Seen:
    """All that the body shows of a random prediction of each sequence, or of the last one."""
    shape = batch.scored.shape
    keys = torch.arange(shape[1]).float().expand(shape) if last else torch.rand(shape, generator=generator)
    keys = keys.masked_fill(~batch.scored, -1.0)
    position = keys.argmax(1, keepdim=True)  # b 1
    place = torch.arange(batch.tokens.shape[1])
    offset = place - position
    hidden = (offset > 0) & (task.body != "encoder")
    if batch.padding is not None:
        hidden = hidden | batch.padding
    tokens = batch.tokens.masked_fill(hidden, -1)
    segments = None if batch.segments is None else batch.segments.masked_fill(hidden, -1)
    if batch.memory is not None:
        memory = batch.memory + task.vocabulary
        if batch.memory_padding is not None:
            memory = memory.masked_fill(batch.memory_padding, -1)
        tokens = torch.cat([tokens, memory], 1)
        offset = torch.cat([offset, torch.arange(memory.shape[1]) - position], 1)
    rate = batch.blind if batch.blind is not None else batch.chance
    at = (torch.arange(len(position)), position[:, 0])
    blind = torch.full(keys.shape, task.objectives[0].chance) if rate is None else rate
    return Seen(
        tokens, offset, segments, position[:, 0], batch.targets[at], batch.dependency_length[at], blind[at]
    )


def without_source(task: Task, batch: Batch, generator: torch.Generator, *, last: bool = False) -> Seen:
    """All but the farthest source: in its place is a token from anywhere else in sight, and no mark."""
    seen = whole(task, batch, generator, last=last)
    assert batch.source is not None
    source = batch.source[torch.arange(len(seen.position)), seen.position]  # b s
    away = (source - seen.position[:, None]).abs().masked_fill(source < 0, -1)
    first = 0 if batch.memory is None else batch.tokens.shape[1]
    farthest = first + source.gather(1, away.argmax(1, keepdim=True))
    others = (seen.tokens >= 0) & (torch.arange(seen.tokens.shape[1]) >= first)
    taken = (first + source).where(source >= 0, farthest)
    others = others.scatter(1, taken, False)
    keys = torch.rand(others.shape, generator=generator).masked_fill(~others, -1.0)
    drawn = seen.tokens.gather(1, keys.argmax(1, keepdim=True))
    return replace(seen, tokens=seen.tokens.scatter(1, farthest, drawn))


def window(reach: int) -> View:
    """The tokens at most `reach` away, in each of two sequences; of predictions that depend farther."""

    def view(task: Task, batch: Batch, generator: torch.Generator) -> Seen:
        seen = whole(task, batch, generator)
        hidden = seen.offset.abs() > reach
        segments = None
        if seen.segments is not None:
            segments = seen.segments.masked_fill(hidden[:, : seen.segments.shape[1]], -1)
        near = replace(seen, tokens=seen.tokens.masked_fill(hidden, -1), segments=segments)
        return near.of(seen.distance > reach)

    return view


@dataclass(frozen=True)
class Accuracies:
    """By distance: the accuracy of a predictor, what the task declares, and the standard error."""

    reached: dict[int, float]
    declared: dict[int, float]
    error: dict[int, float]

    @property
    def excess(self) -> float:
        """The most by which a distance exceeds what is declared, beside twice its standard error."""
        return max(self.reached[d] - self.declared[d] - 2 * self.error[d] for d in self.reached)


def by_distance(
    task: Task, view: View, fit: Callable[[Task, Seen], Callable[[Seen], Tensor]], *, draws: int, length: int
) -> Accuracies:
    """Fit a predictor on one draw, and ask it for the answers of another."""
    known, asked = (
        view(task, task.sample(seeded(seed), draws, length, "train"), seeded(seed + 1)) for seed in (100, 102)
    )
    right = fit(task, known)(asked) == asked.targets
    reached, declared, error = {}, {}, {}
    for distance in asked.distance.unique().tolist():
        own = asked.distance == distance
        reached[distance] = float(right[own].double().mean())
        declared[distance] = rate = float(asked.blind[own].double().mean())
        error[distance] = (rate * (1 - rate) / int(own.sum())) ** 0.5
    return Accuracies(reached, declared, error)


def mlp(steps: int = 600) -> Callable[[Task, Seen], Callable[[Seen], Tensor]]:
    """A network with one hidden layer on what is counted, its order, the position and the nearest tokens."""

    def fit(task: Task, known: Seen) -> Callable[[Seen], Tensor]:
        ids = int(known.tokens.max()) + 1
        features = _features(known, ids)
        mean, spread = features.mean(0), features.std(0).clamp(min=1e-2)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = nn.Sequential(
                nn.Linear(features.shape[1], 128), nn.GELU(), nn.Linear(128, task.objectives[0].classes)
            )
        _train(network, lambda rows: (features[rows] - mean) / spread, known.targets, steps, 512, 3e-3)

        def predict(asked: Seen) -> Tensor:
            with torch.no_grad():
                answers: Tensor = network((_features(asked, ids) - mean) / spread).argmax(1)
            return answers

        return predict

    return fit


def _features(seen: Seen, ids: int) -> Tensor:
    width = seen.tokens.shape[1]
    at = torch.arange(width)
    counts, firsts = [], []
    for token in range(ids):
        here = seen.tokens == token
        counts.append(here.sum(1).float())
        firsts.append(torch.where(here, at, width).amin(1))
    order = torch.stack(firsts, 1).argsort(dim=1, stable=True).argsort(1).float()
    near = []
    for offset in range(-_NEAR, _NEAR + 1):
        for part in (seen.tokens, seen.segments):
            if part is not None:
                here = (seen.offset[:, : part.shape[1]] == offset) & (part >= 0)
                token = torch.where(here, part, -1).amax(1)
                near.append(nn.functional.one_hot(token + 1, ids + 1).float())
    place = nn.functional.one_hot(seen.position, width).float()
    return torch.cat([torch.stack(counts, 1), order, place, *near], 1)


class _Reader(nn.Module):
    """A transformer that reads all that is in sight, and answers where the prediction is made."""

    def __init__(self, ids: int, segments: int, width: int, places: int, classes: int) -> None:
        super().__init__()
        self.places = places
        self.token = nn.Embedding(ids + 1, width)
        self.segment = nn.Embedding(segments + 1, width)
        self.offset = nn.Embedding(2 * places + 1, width)
        self.position = nn.Embedding(places + 1, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(width, classes)

    def forward(self, seen: Seen) -> Tensor:
        x = self.token(seen.tokens + 1) + self.offset(seen.offset + self.places)
        x = x + self.position(seen.position)[:, None]
        if seen.segments is not None:
            x = x + self.segment(seen.segments + 1)
        # A memory comes behind the tokens, so the first column without an offset is the prediction's own.
        here = (torch.arange(len(x)), (seen.offset == 0).long().argmax(1))
        hidden = seen.tokens < 0
        hidden[here] = False
        answers: Tensor = self.out(self.layers(x, src_key_padding_mask=hidden)[here])
        return answers


def transformer(
    steps: int, *, batch: int = 64, width: int = 64
) -> Callable[[Task, Seen], Callable[[Seen], Tensor]]:
    """A transformer of two layers on all that is in sight, in its place."""

    def fit(task: Task, known: Seen) -> Callable[[Seen], Tensor]:
        known = known.in_sight()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            reader = _Reader(
                int(known.tokens.max()) + 1,
                task.segments,
                width,
                int(max(known.offset.abs().max(), known.position.max())) + 1,
                task.objectives[0].classes,
            )
        _train(reader, known.of, known.targets, steps, batch, 1e-3)

        def predict(asked: Seen) -> Tensor:
            asked = asked.in_sight()
            with torch.no_grad():
                every = torch.arange(len(asked.targets)).split(512)
                return torch.cat([reader(asked.of(rows)).argmax(1) for rows in every])

        return predict

    return fit


def _train(
    network: nn.Module,
    given: Callable[[Tensor], object],
    targets: Tensor,
    steps: int,
    batch: int,
    rate: float,
) -> None:
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    random = seeded(0)
    for _ in range(steps):
        rows = torch.randint(len(targets), (batch,), generator=random)
        loss = nn.functional.cross_entropy(network(given(rows)), targets[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    network.eval()
