"""Reverse measures what it says: one source for each symbol, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, Body, UserError
from posharness_tasks.reverse import Reverse

from .blind import check_nothing_else_tells
from .interventions import (
    check_necessary,
    check_sufficient,
    other_value,
    seeded,
)


def solve(task: Reverse, batch: Batch) -> Tensor:
    """Write the symbols before the separator down backwards, from the separator on: from tokens alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        separator = tokens.index(task.separator)
        backwards = tokens[:separator][::-1][: len(tokens) - separator]
        found[row, separator : separator + len(backwards)] = torch.tensor(backwards)
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Reverse, Batch, int]:
    body = draw(st.sampled_from(Reverse.bodies))
    task = Reverse(body, length=draw(st.integers(2, 61)), symbols=draw(st.integers(2, 7)))
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Reverse, Batch, int]) -> None:
    task, batch, _ = case
    for tokens, scored in zip(batch.tokens.tolist(), batch.scored.tolist(), strict=True):
        assert sum(scored) == 1
        answering, separator = scored.index(True), tokens.index(task.separator)
        assert separator <= answering
        assert answering >= len(tokens) - max(1, len(tokens) // 4)
        assert set(tokens[:separator]) <= set(range(task.symbols))
        assert set(tokens[separator + 1 :]) <= {task.blank}


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_source_is_sufficient_and_necessary(case: tuple[Reverse, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Reverse, batch: Batch, position: Tensor) -> Tensor:
        """Any symbols, blanks or not."""
        return torch.randint(task.symbols, batch.tokens.shape, generator=generator)

    check_sufficient(task, batch, solve, others)
    check_necessary(task, batch, solve, other_value(task.symbols, generator), farthest=True)


@pytest.mark.parametrize("body", Reverse.bodies)
@pytest.mark.parametrize("length", [6, 9])
def test_nothing_but_the_source_tells_the_answer(body: Body, length: int) -> None:
    check_nothing_else_tells(Reverse(body, length=length, symbols=2))


def test_the_ladder_holds_odd_distances_that_climb_by_root_two() -> None:
    task = Reverse("decoder", symbols=6)
    assert task.distances(32) == [1, 3, 5, 7, 11, 15, 21]
    assert task.distances(64) == [1, 3, 5, 7, 11, 15, 21, 31, 45]
    assert Reverse("decoder", length=4).distances(4) == [1, 3]
    assert Reverse("decoder", length=2).distances(2) == [1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 1}, "1 tokens is too short for a symbol and a separator"),
        ({"evaluation_lengths": (1, 32)}, "1 tokens is too short"),
        ({"symbols": 1}, "two symbols or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Reverse("decoder", **parameters)  # type: ignore[arg-type]
