"""Offset recall measures what it says: the source alone tells the answer, at every distance alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare
from torch import Tensor

from posharness.contracts import Batch, Body, UserError
from posharness_tasks.offset_recall import OffsetRecall

from .blind import check_nothing_else_tells
from .interventions import RARE, seeded


def solve(task: OffsetRecall, batch: Batch) -> Tensor:
    """Read the marker at each scored position, step back, read the symbol: by hand, from the input alone."""
    assert batch.segments is not None
    answers = torch.full_like(batch.tokens, -1)
    for b, i in predictions(batch):
        answers[b, i] = batch.tokens[b, i - task.offsets[int(batch.segments[b, i])]]
    return answers


def predictions(batch: Batch) -> list[tuple[int, int]]:
    return [(b, i) for b, i in batch.scored.nonzero().tolist()]


@st.composite
def drawn(draw: st.DrawFn) -> tuple[OffsetRecall, Batch, int]:
    offsets = tuple(draw(st.lists(st.integers(1, 11), min_size=1, max_size=5, unique=True)))
    length = draw(st.integers(2 * max(offsets), 23))
    task = OffsetRecall("decoder", length=length, symbols=draw(st.integers(2, 7)), offsets=offsets)
    seed = draw(st.integers(0, 2**31))
    return task, task.sample(seeded(seed), 5, draw(st.sampled_from(task.evaluation_lengths)), "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_sources_are_sufficient_and_the_farthest_is_necessary(case: tuple[OffsetRecall, Batch, int]) -> None:
    task, batch, seed = case
    assert batch.source is not None
    assert batch.segments is not None
    generator = seeded(seed + 1)
    for b, i in predictions(batch)[:20]:
        sources = batch.source[b, i]
        tokens = torch.randint(task.vocabulary, batch.tokens.shape, generator=generator)
        markers = torch.randint(task.segments, batch.tokens.shape, generator=generator)
        tokens[b, sources] = batch.tokens[b, sources]
        markers[b, i] = batch.segments[b, i]
        assert solve(task, replace(batch, tokens=tokens, segments=markers))[b, i] == batch.targets[b, i]
        changed = batch.tokens.clone()
        shift = int(torch.randint(1, task.symbols, (), generator=generator))
        changed[b, sources.min()] = (changed[b, sources.min()] + shift) % task.vocabulary
        assert solve(task, replace(batch, tokens=changed))[b, i] != batch.targets[b, i]


@pytest.mark.parametrize("length", [32, 64])
def test_offsets_are_uniform_and_tied_neither_to_position_nor_to_target(length: int) -> None:
    task = OffsetRecall("encoder")
    batch = task.sample(seeded(0), 2000, length, "train")
    position = batch.scored.nonzero()[:, 1]
    distance = torch.tensor(task.offsets)
    which = (batch.dependency_length[batch.scored][:, None] == distance).nonzero()[:, 1]
    assert chisquare(which.bincount()).pvalue > RARE
    for other in (position - position.min(), batch.targets[batch.scored]):
        table = torch.zeros(len(task.offsets), int(other.max()) + 1, dtype=torch.long)
        table.index_put_((which, other), torch.ones_like(which), accumulate=True)
        assert chi2_contingency(table.numpy()).pvalue > RARE


def test_chance_is_what_constant_and_position_only_predictors_reach() -> None:
    task = OffsetRecall("decoder")
    fit, test = (task.sample(seeded(seed), 4000, task.length, "train") for seed in (1, 2))
    chance = task.objectives[0].chance
    error = (chance * (1 - chance) / int(test.scored.sum())) ** 0.5
    constant = fit.targets[fit.scored].mode().values
    assert float((test.targets[test.scored] == constant).float().mean()) == pytest.approx(
        chance, abs=4 * error
    )
    by_position = fit.targets.mode(0).values.expand_as(test.targets)
    right = (test.targets == by_position)[test.scored].float().mean()
    assert float(right) == pytest.approx(chance, abs=4 * error)


@pytest.mark.parametrize("body", OffsetRecall.bodies)
@pytest.mark.parametrize(("length", "offsets"), [(4, (1, 2)), (5, (1, 3))])
def test_nothing_but_the_sources_tells_the_answer(body: Body, length: int, offsets: tuple[int, ...]) -> None:
    check_nothing_else_tells(OffsetRecall(body, length=length, symbols=2, offsets=offsets, scored=0.4))


@pytest.mark.parametrize("length", [32, 39])
def test_the_last_half_is_scored(length: int) -> None:
    batch = OffsetRecall("decoder").sample(seeded(3), 500, length, "train")
    assert torch.equal(batch.scored, (torch.arange(length) >= length - length // 2).expand(500, -1))
    assert not batch.targets[batch.scored].view(500, -1).eq(batch.targets[:, -1:]).all()


def test_more_may_be_scored() -> None:
    task = OffsetRecall("encoder", length=64, scored=0.75)
    batch, less = (t.sample(seeded(3), 9, 64, "train") for t in (task, OffsetRecall("encoder", length=64)))
    assert torch.equal(batch.scored, (torch.arange(64) >= 16).expand(9, -1))
    assert torch.equal(batch.tokens, less.tokens)
    assert torch.equal(batch.targets[less.scored], less.targets[less.scored])


@pytest.mark.parametrize("body", OffsetRecall.bodies)
def test_one_symbol_is_changed_and_all_that_read_it_are_scored(body: Body) -> None:
    task = OffsetRecall(body)
    batch = task.sample(seeded(4), 300, 32, "test")
    changed = task.intervene(batch, seeded(5), "source")
    assert ((changed.tokens != batch.tokens).sum(1) == 1).all()
    found = solve(task, replace(changed, scored=batch.scored))
    assert torch.equal(found[changed.scored], changed.targets[changed.scored])
    assert torch.equal(changed.scored, batch.scored & (found != batch.targets))
    assert changed.scored.sum(1).max() > 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 16}, "of 16 tokens not every one that is scored has a symbol 16 tokens back"),
        ({"evaluation_lengths": (8, 32)}, "of 8 tokens not every one"),
        ({"scored": 0.75}, r"scored=0.75\]: of 32 tokens"),
        ({"scored": 1.0}, "a share between 0 and 1"),
        ({"symbols": 1}, "two symbols or more"),
        ({"offsets": ()}, "offsets of 1 or more"),
        ({"offsets": (0, 1)}, "offsets of 1 or more"),
        ({"offsets": (2, 2)}, "differ"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        OffsetRecall("decoder", **parameters)  # type: ignore[arg-type]
