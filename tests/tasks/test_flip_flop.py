"""Flip-flop measures what it says: the last write tells the answer, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, Body, UserError
from posharness_tasks.flip_flop import FlipFlop

from .blind import check_nothing_else_tells
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
    task = FlipFlop("decoder", length=draw(st.integers(2, 61)), writes=draw(st.floats(0, 1)))
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
        assert read >= len(tokens) - max(1, len(tokens) // 4)


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


@pytest.mark.parametrize("body", FlipFlop.bodies)
@pytest.mark.parametrize("length", [4, 6])
def test_nothing_but_the_source_tells_the_answer(body: Body, length: int) -> None:
    check_nothing_else_tells(FlipFlop(body, length=length, writes=0.5))


def test_the_bit_that_is_written_most_often_is_a_poor_guess() -> None:
    task = FlipFlop("encoder", length=64, writes=0.4)
    batch = task.sample(seeded(3), 20000, task.length, "train")
    ones, zeros = ((batch.tokens == task.write + bit).sum(1) for bit in (1, 0))
    right = ((ones > zeros).long() == batch.targets[batch.scored])[ones != zeros]
    assert float(right.float().mean()) < 0.54


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    task = FlipFlop("decoder")
    assert task.distances(32) == [1, 2, 3, 4, 6, 8, 11, 16, 23]
    assert task.distances(64) == [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45]
    assert task.distances(2) == [1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 1}, "1 tokens is too short for a write and a read.*2 or more"),
        ({"evaluation_lengths": (1, 32)}, "1 tokens is too short"),
        ({"writes": 1.5}, "a probability from 0 to 1"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        FlipFlop("decoder", **parameters)  # type: ignore[arg-type]
