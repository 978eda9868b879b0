"""The needle measures what it says: value and marker tell the answer, at distances drawn alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, Body, Split, UserError
from posharness_tasks.needle import Needle

from .blind import check_nothing_else_tells
from .interventions import (
    check_necessary,
    check_sufficient,
    other_value,
    seeded,
)


def solve(task: Needle, batch: Batch) -> Tensor:
    """At the question, what stands before the marker: by hand, from tokens alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        if task.marker in tokens:
            found[row, tokens.index(task.question)] = tokens[tokens.index(task.marker) - 1]
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Needle, Batch, int]:
    task = Needle("decoder", length=draw(st.integers(3, 61)), values=draw(st.integers(2, 6)))
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Needle, Batch, int]) -> None:
    task, batch, _ = case
    for tokens, scored in zip(batch.tokens.tolist(), batch.scored.tolist(), strict=True):
        assert [token == task.question for token in tokens] == scored
        assert sum(scored) == tokens.count(task.marker) == 1
        assert scored.index(True) >= len(tokens) - max(1, len(tokens) // 4)
        assert tokens.count(task.marker) == tokens.count(task.question) == 1


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_sources_are_sufficient_and_necessary(case: tuple[Needle, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Needle, batch: Batch, position: Tensor) -> Tensor:
        """Any values; the question stays."""
        tokens = torch.randint(task.values, batch.tokens.shape, generator=generator)
        return tokens.scatter_(1, position, task.question)

    check_sufficient(task, batch, solve, others)
    check_necessary(task, batch, solve, other_value(task.values, generator))


@pytest.mark.parametrize("body", Needle.bodies)
@pytest.mark.parametrize("length", [5, 9])
def test_nothing_but_the_source_tells_the_answer(body: Body, length: int) -> None:
    check_nothing_else_tells(Needle(body, length=length, values=2))


def test_a_value_that_stands_nowhere_else_is_caught() -> None:
    class Unique(Needle):
        """Counts tell the answer: no other token has its value."""

        def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
            batch = super().sample(generator, n, length, split)
            value = batch.targets.sum(1, keepdim=True)
            again = (batch.tokens == value) & (torch.arange(length) != batch.source.amin((1, 2))[:, None])
            return replace(batch, tokens=torch.where(again, (value + 1) % self.values, batch.tokens))

    with pytest.raises(AssertionError):
        check_nothing_else_tells(Unique("encoder", length=6, values=3))


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    task = Needle("decoder", length=32, values=6)
    assert task.distances(32) == [2, 3, 4, 6, 8, 11, 16, 23]
    assert task.distances(64) == [2, 3, 4, 6, 8, 11, 16, 23, 32, 45]
    assert Needle("decoder", length=3, values=2).distances(3) == [2]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 2}, "2 tokens is too short for a value, a marker and a question"),
        ({"evaluation_lengths": (2, 32)}, "2 tokens is too short"),
        ({"values": 1}, "two values or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Needle("decoder", **parameters)  # type: ignore[arg-type]
