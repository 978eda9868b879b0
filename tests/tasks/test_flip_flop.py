"""Flip-flop measures what it says: the last write tells the answer, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.flip_flop import FlipFlop

from .interventions import (
    check_necessary,
    check_sufficient,
    seeded,
)


def solve(task: FlipFlop, batch: Batch) -> Tensor:
    """Run through the tokens with one bit of memory, which a write sets and a read tells: by hand."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        memory = -1
        for position, token in enumerate(tokens):
            if token == task.read:
                found[row, position] = memory
            elif token >= task.write:
                memory = token - task.write
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[FlipFlop, Batch, int]:
    task = FlipFlop("decoder", length=draw(st.integers(6, 61)), writes=draw(st.floats(0, 1)))
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[FlipFlop, Batch, int]) -> None:
    task, batch, _ = case
    for tokens, scored in zip(batch.tokens.tolist(), batch.scored.tolist(), strict=True):
        assert [token == task.read for token in tokens] == scored
        assert sum(scored) == 1
        read = scored.index(True)
        assert read >= len(tokens) - len(tokens) // 4
        assert {*tokens[:2]} == {task.write, task.write + 1}


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_source_is_sufficient_and_necessary(case: tuple[FlipFlop, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: FlipFlop, batch: Batch, position: Tensor) -> Tensor:
        """Ignores between write and read, anything elsewhere; the read stays."""
        last = position - batch.dependency_length.gather(1, position)
        place = torch.arange(batch.tokens.shape[1])
        between = (place > last) & (place < position)
        tokens = torch.randint(task.vocabulary, batch.tokens.shape, generator=generator)
        return torch.where(between, tokens % task.write, tokens).scatter_(1, position, task.read)

    check_sufficient(task, batch, solve, others)
    check_necessary(task, batch, solve, lambda task, write, read: 2 * task.write + 1 - write)


def test_no_count_of_tokens_knows_the_answer() -> None:
    task = FlipFlop("encoder")
    batch = task.sample(seeded(3), 20000, task.length, "train")
    bit = batch.targets[batch.scored] == 1
    for token in range(task.vocabulary):
        count = (batch.tokens == token).sum(1).float()
        error = (count.var() / bit.sum() + count.var() / (~bit).sum()).sqrt()
        assert float((count[bit].mean() - count[~bit].mean()).abs()) <= 4 * float(error)


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    task = FlipFlop("decoder")
    assert task.distances(32) == [1, 2, 3, 4, 6, 8, 11, 16]
    assert task.distances(64) == [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45]
    assert task.distances(6) == [1, 2]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 5}, "5 tokens is too short for four writes and a read.*6 or more"),
        ({"evaluation_lengths": (2, 32)}, "2 tokens is too short"),
        ({"writes": 1.5}, "a probability from 0 to 1"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        FlipFlop("decoder", **parameters)  # type: ignore[arg-type]
