"""Shared by the tests of tasks: interventions on tokens, and tests that draws are uniform and independent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import torch
from scipy.stats import chi2_contingency, chisquare
from torch import Tensor

from posharness.contracts import Batch, Task

RARE = 1e-4
"""A draw whose p is below this is not uniform. Draws are fixed, so a test always passes or always fails."""

T = TypeVar("T", bound=Task)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scored_columns(batch: Batch) -> Iterator[Tensor]:
    """The first scored position of each sequence, the second, and so on; all have as many."""
    positions = batch.scored.nonzero()[:, 1].view(len(batch.tokens), -1)
    yield from positions.T[..., None]


def one_prediction(batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A random scored position of each sequence, and its farthest source; both (b, 1)."""
    assert batch.source is not None
    keys = torch.rand(batch.scored.shape, generator=generator).masked_fill(~batch.scored, -1.0)
    position = keys.argmax(1, keepdim=True)
    source = batch.source.gather(1, position[..., None].expand(-1, -1, batch.source.shape[2]))[:, 0]
    away = (source - position).abs().masked_fill(source < 0, -1)
    return position, source.gather(1, away.argmax(1, keepdim=True))


def check_sufficient(
    task: T,
    batch: Batch,
    solve: Callable[[T, Batch], Tensor],
    others: Callable[[T, Batch, Tensor], Tensor],
) -> None:
    """The answer does not change with the tokens outside a prediction's sources, within the task's grammar.

    Args:
        others: tokens (b, n) drawn for the prediction at a position (b, 1) of each sequence.
    """
    assert batch.source is not None
    length = batch.tokens.shape[1]
    for position in scored_columns(batch):
        source = batch.source.gather(1, position[..., None].expand(-1, -1, batch.source.shape[2]))[:, 0]
        kept = torch.zeros(len(source), length + 1, dtype=torch.bool)
        kept = kept.scatter_(1, source.where(source >= 0, length), True)[:, :length]
        tokens = torch.where(kept, batch.tokens, others(task, batch, position))
        found = solve(task, replace(batch, tokens=tokens))
        assert torch.equal(found.gather(1, position), batch.targets.gather(1, position))


def check_necessary(
    task: T,
    batch: Batch,
    solve: Callable[[T, Batch], Tensor],
    other: Callable[[T, Tensor, Tensor], Tensor],
    *,
    farthest: bool = False,
) -> None:
    """The answer changes with each of its sources, except the emitting position itself.

    Args:
        farthest: look at the farthest source alone, which is the first.
        other: another token for each given one, given the one at the emitting position as well.
    """
    assert batch.source is not None
    for position in scored_columns(batch):
        sources = batch.source.gather(1, position[..., None].expand(-1, -1, batch.source.shape[2]))[:, 0]
        for source in sources.T[: 1 if farthest else None, :, None]:
            present = (source >= 0) & (source != position)
            at = source.where(present, 0)
            token = batch.tokens.gather(1, at)
            changed = other(task, token, batch.tokens.gather(1, position))
            tokens = batch.tokens.scatter(1, at, changed.where(present, token))
            found = solve(task, replace(batch, tokens=tokens)).gather(1, position)
            assert torch.equal(found != batch.targets.gather(1, position), present)


def check_interventions(task: T, batch: Batch, seed: int, solve: Callable[[T, Batch], Tensor]) -> Batch:
    """Another source gives every scored prediction another answer, and other tokens give none.

    Returns:
        The batch in which others were changed.
    """
    for what in ("source", "others"):
        changed = task.intervene(batch, seeded(seed), what)  # type: ignore[arg-type]
        assert changed is not None
        assert torch.equal(solve(task, changed)[batch.scored], changed.targets[batch.scored])
        same = changed.targets == batch.targets
        assert (same if what == "others" else ~same)[batch.scored].all()
    return changed


def other_value(values: int, generator: torch.Generator) -> Callable[[Task, Tensor, Tensor], Tensor]:
    """A value for each token, and another one where the token is a value."""

    def draw(task: Task, token: Tensor, asking: Tensor) -> Tensor:
        shift = torch.randint(1, values, token.shape, generator=generator)
        return (token.clamp(max=values) + shift) % values

    return draw


def check_draws(task: Task, distances: list[int], length: int, *, unigram: bool = False) -> None:
    """Distances are uniform and independent of position and target, and so are targets.

    Args:
        unigram: the token at the emitting position excludes one target, and chance allows for that.
    """
    batch = task.sample(seeded(0), 6000, length, "train")
    ladder = torch.tensor(distances)
    which = (batch.dependency_length[batch.scored][:, None] == ladder).nonzero()[:, 1]
    assert len(which) == int(batch.scored.sum())
    targets, position = batch.targets[batch.scored], batch.scored.nonzero()[:, 1]
    # One prediction a sequence: those of the same sequence are not drawn independently.
    per_sequence = len(which) // len(batch.tokens)
    for first in range(per_sequence):
        rung, target, where = (x[first::per_sequence] for x in (which, targets, position))
        assert chisquare(rung.bincount(minlength=len(ladder))).pvalue > RARE
        assert chisquare(target.bincount(minlength=task.objectives[0].classes)).pvalue > RARE
        assert not tied(rung, target)
        assert not tied(rung, where)
        assert not tied(target, where)
    assert not tied(which[::per_sequence], targets[::per_sequence])
    classes = task.objectives[0].classes
    assert task.objectives[0].chance == 1 / (classes - unigram)


def tied(first: Tensor, second: Tensor) -> bool:
    """Whether two draws depend on each other."""
    (_, rows), (_, columns) = (x.unique(return_inverse=True) for x in (first, second))
    table = torch.zeros(int(rows.max()) + 1, int(columns.max()) + 1, dtype=torch.long)
    table.index_put_((rows, columns), torch.ones_like(rows), accumulate=True)
    return min(table.shape) > 1 and bool(chi2_contingency(table.numpy()).pvalue < RARE)
