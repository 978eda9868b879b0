"""Dyck-k measures what it says: the open bracket tells the closing one, at distances drawn alike."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.dyck import Dyck

from .blind import check_nothing_else_tells
from .interventions import check_draws, check_necessary, check_sufficient, seeded


def open_brackets(task: Dyck, tokens: list[int]) -> list[int]:
    """The places of the brackets that stay open; a bracket that closes another type is an error."""
    stack: list[int] = []
    for place, token in enumerate(tokens):
        if token < task.types:
            stack.append(place)
        elif token != task.mark:
            assert tokens[stack.pop()] == token - task.types
    return stack


def solve(task: Dyck, batch: Batch) -> Tensor:
    """Push what opens, pop what closes; on top at the end is what must be closed: by hand."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        found[row, -1] = tokens[open_brackets(task, tokens)[-1]]
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Dyck, Batch, int]:
    types = draw(st.integers(2, 4))
    task = Dyck("decoder", length=draw(st.integers(10, 61)), types=types)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Dyck, Batch, int]) -> None:
    task, batch, _ = case
    assert batch.scored[:, -1].all()
    assert int(batch.scored.sum()) == len(batch.tokens)
    assert batch.stratum is not None
    for tokens, stratum, distance in zip(
        batch.tokens.tolist(), batch.stratum[:, -1], batch.dependency_length[:, -1], strict=True
    ):
        still = open_brackets(task, tokens)
        assert task.strata[int(stratum)] == f"depth {len(still)}"
        assert len(tokens) - 1 - still[-1] == int(distance)
        assert task.mark not in tokens[1:]


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_the_source_is_sufficient_and_necessary(case: tuple[Dyck, Batch, int]) -> None:
    """Every other bracket may be of any type, as long as pairs agree; the shape stays."""
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Dyck, batch: Batch, position: Tensor) -> Tensor:
        tokens = torch.empty_like(batch.tokens)
        for row, old in enumerate(batch.tokens.tolist()):
            kinds = torch.randint(task.types, (len(old),), generator=generator).tolist()
            stack: list[int] = []
            for place, token in enumerate(old):
                if token < task.types:
                    stack.append(place)
                    tokens[row, place] = kinds[place]
                else:
                    tokens[row, place] = task.mark if token == task.mark else task.types + kinds[stack.pop()]
        return tokens

    check_sufficient(task, batch, solve, others)
    check_necessary(task, batch, solve, lambda task, token, _: (token + 1) % task.types)


def test_what_stands_between_is_necessary_to_nobody() -> None:
    """Another well-nested string of the same length in between does not change the answer."""
    task = Dyck("decoder", types=3)
    one, two = (task.sample(seeded(seed), 400, 40, "train") for seed in (1, 2))
    same = (one.dependency_length == two.dependency_length)[:, -1]
    assert int(same.sum()) > 20
    between = torch.arange(40) > 39 - one.dependency_length[:, -1:]
    tokens = torch.where(between, two.tokens, one.tokens)[same]
    found = solve(task, Batch(tokens, tokens, tokens > 0, tokens))
    assert torch.equal(found[:, -1], one.targets[same, -1])


def test_distances_are_uniform_where_a_mark_makes_up_the_length() -> None:
    task = Dyck("decoder")
    check_draws(task, task.distances(63), 63)


def test_all_shapes_in_between_occur() -> None:
    """The five well-nested strings of three pairs, each about as often."""
    task = Dyck("decoder")
    batch = task.sample(seeded(3), 6000, 24, "train")
    inner = batch.tokens[batch.dependency_length[:, -1] == 6, -6:] < task.types
    _, counts = inner.unique(dim=0, return_counts=True)
    assert len(counts) == 5
    expected = len(inner) / 5
    assert float(((counts - expected) ** 2 / expected).sum()) < 20


def test_without_the_innermost_bracket_its_type_is_told_by_nothing() -> None:
    check_nothing_else_tells(Dyck("decoder", length=10))


def test_the_ladder_climbs_in_even_numbers() -> None:
    task = Dyck("decoder")
    assert task.distances(32) == [2, 4, 6, 8, 12, 16, 22]
    assert all(one < two for one, two in pairwise(task.distances(256)))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 9}, "9 tokens is too short for 8 open brackets and a closed pair.*10 or more"),
        ({"evaluation_lengths": (4, 32)}, "4 tokens is too short"),
        ({"types": 1}, "two types of brackets or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Dyck("decoder", **parameters)  # type: ignore[arg-type]
