"""Multi-query recall measures what it says: pair and query tell the answer, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, Body, UserError
from posharness_tasks.recall import Recall

from .blind import check_nothing_else_tells
from .interventions import (
    check_necessary,
    check_sufficient,
    other_value,
    seeded,
)


def solve(task: Recall, batch: Batch) -> Tensor:
    """At each question, the token before its key: by hand, from tokens alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        for position, token in enumerate(tokens):
            if token - task.keys in tokens[1:position] and token >= task.values + task.keys:
                found[row, position] = tokens[tokens.index(token - task.keys, 1) - 1]
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Recall, Batch, int]:
    values, pairs = draw(st.integers(2, 7)), draw(st.integers(1, 4))
    queries = draw(st.integers(1, min(pairs, 3)))
    # With `pairs` rungs of a ladder that climbs by `queries` + 1 at least.
    length = draw(st.integers((queries + 1) * 2 ** (pairs - 1) + queries, 83))
    keys = draw(st.integers(pairs, 9))
    task = Recall("decoder", length=length, values=values, keys=keys, pairs=pairs, queries=queries)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Recall, Batch, int]) -> None:
    task, batch, _ = case
    for tokens, scored in zip(batch.tokens.tolist(), batch.scored.tolist(), strict=True):
        queries = [token - task.keys for token in tokens[-task.queries :]]
        assert min(queries) >= task.values
        assert scored == [False] * (len(tokens) - task.queries) + [True] * task.queries
        assert len(set(queries)) == task.queries
        keys = [i for i, token in enumerate(tokens[: -task.queries]) if token >= task.values]
        assert len({tokens[i] for i in keys}) == len(keys)
        assert max(tokens[i] for i in keys) < task.values + task.keys
        assert set(queries) <= {tokens[i] for i in keys}
        assert len(keys) == task.pairs
        assert max(tokens[i - 1] for i in keys) < task.values


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_the_sources_are_sufficient_and_necessary(case: tuple[Recall, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Recall, batch: Batch, position: Tensor) -> Tensor:
        """Any token, filler or not, but the key that is asked for."""
        asked = batch.tokens.gather(1, position) - task.keys
        tokens = torch.randint(task.vocabulary - 1, batch.tokens.shape, generator=generator)
        return tokens + (tokens >= asked)

    check_sufficient(task, batch, solve, others)
    check_necessary(task, batch, solve, other_value(task.values, generator))


@pytest.mark.parametrize("body", Recall.bodies)
@pytest.mark.parametrize(("length", "queries"), [(6, 1), (8, 2)])
def test_nothing_but_the_sources_tells_the_answer(body: Body, length: int, queries: int) -> None:
    check_nothing_else_tells(Recall(body, length=length, values=2, keys=2, pairs=2, queries=queries))


def test_the_ladder_climbs_by_root_two_where_pairs_do_not_meet() -> None:
    task = Recall("decoder")
    assert task.distances(32) == [5, 10, 20, 28]
    assert task.distances(64) == [5, 10, 20, 28, 40, 57]
    assert Recall("decoder", queries=1).distances(32) == [2, 4, 6, 8, 11, 16, 23]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 31}, "31 tokens is too short for 4 queries and 4 pairs at different distances"),
        ({"evaluation_lengths": (16, 32)}, "16 tokens is too short"),
        ({"queries": 0}, "one query or more"),
        ({"queries": 5}, "at least as many pairs"),
        ({"keys": 3}, "at least as many keys"),
        ({"values": 1, "queries": 1}, "two values or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Recall("decoder", **parameters)  # type: ignore[arg-type]
