"""Induction measures what it says: what preceded the symbol that is asked about, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.induction import Induction

from .blind import check_nothing_else_tells
from .interventions import (
    check_necessary,
    check_sufficient,
    seeded,
)


def solve(task: Induction, batch: Batch) -> Tensor:
    """Where a symbol is asked about, what preceded it when it was last seen: by hand, from tokens alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        for position, token in enumerate(tokens):
            earlier = [i for i in range(position) if tokens[i] == token - task.symbols]
            if earlier and earlier[-1] > 0:
                found[row, position] = tokens[earlier[-1] - 1]
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Induction, Batch, int]:
    pairs = draw(st.integers(1, 3))
    symbols = draw(st.integers(2 * pairs + 1, 12))
    # With `pairs` rungs of a ladder that climbs by `pairs` + 1 at least, in seven eighths of the length.
    least = -(-8 * ((pairs + 1) * 2**pairs + pairs) // 7)
    task = Induction("decoder", length=draw(st.integers(least, 83)), pairs=pairs, symbols=symbols)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Induction, Batch, int]) -> None:
    task, batch, _ = case
    for tokens, scored in zip(batch.tokens.tolist(), batch.scored.tolist(), strict=True):
        first = scored.index(True)
        assert scored[first : first + task.pairs] == [True] * task.pairs == [True] * sum(scored)
        assert first >= len(tokens) - task.pairs - len(tokens) // 8
        again = [token - task.symbols for token in tokens[first : first + task.pairs]]
        assert [tokens.count(symbol) for symbol in again] == [1] * task.pairs
        assert sum(token < task.symbols for token in tokens) == 2 * task.pairs
        assert sum(token >= 2 * task.symbols for token in tokens) == len(tokens) - 3 * task.pairs
        earlier = [tokens.index(symbol) for symbol in again]
        answers = [tokens[i - 1] for i in earlier]
        assert len(set(again)) == task.pairs
        assert not {*answers} & {*again}


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_the_sources_are_sufficient_and_necessary(case: tuple[Induction, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Induction, batch: Batch, position: Tensor) -> Tensor:
        """Any token but the symbol that is asked about, which so remains the only one of its kind."""
        tokens = torch.randint(task.vocabulary - 1, batch.tokens.shape, generator=generator)
        return tokens + (tokens >= batch.tokens.gather(1, position) - task.symbols)

    def other(task: Induction, symbol: Tensor, present: Tensor) -> Tensor:
        """Another symbol, and not the one that is asked about: that would occur once more."""
        choice = (
            torch.ones(len(symbol), task.symbols)
            .scatter_(1, symbol % task.symbols, 0)
            .scatter_(1, present - task.symbols, 0)
        )
        return choice.multinomial(1, generator=generator)

    check_sufficient(task, batch, solve, others)
    check_necessary(task, batch, solve, other)


@pytest.mark.parametrize("length", [6, 8])
def test_nothing_but_the_sources_tells_the_answer(length: int) -> None:
    def numbered(batch: Batch, position: Tensor, answer: Tensor) -> Tensor:
        """Among the two symbols that differ from the current one."""
        return (answer - batch.tokens.gather(1, position) % 3) % 3 - 1

    check_nothing_else_tells(
        Induction("decoder", length=length, pairs=1, symbols=3, fillers=2), numbered=numbered
    )


def test_interventions_keep_symbols_that_are_asked_about_to_their_places() -> None:
    task = Induction("decoder")
    batch = task.sample(seeded(6), 300, 48, "test")
    asked = batch.tokens[batch.scored].view(300, -1, 1)
    recurring = asked - task.symbols
    for what in ("source", "others"):
        changed = task.intervene(batch, seeded(7), what)
        assert torch.equal(changed.tokens[batch.scored].view(300, -1, 1), asked)
        assert ((changed.tokens[:, None] == recurring).sum(2) == 1).all()
        assert ((changed.tokens[:, None] == asked).sum(2) == 1).all()


def test_the_ladder_climbs_by_root_two_where_sources_do_not_meet() -> None:
    task = Induction("decoder", length=48, pairs=3, symbols=16)
    assert task.distances(48) == [4, 8, 16, 23, 32]
    assert task.distances(96) == [4, 8, 16, 23, 32, 45, 64]
    assert Induction("decoder", pairs=1, symbols=5).distances(32) == [2, 4, 6, 8, 11, 16, 23]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 18}, "18 tokens is too short for 3 pairs at different distances"),
        ({"evaluation_lengths": (16, 48)}, "16 tokens is too short"),
        ({"pairs": 0}, "one pair or more"),
        ({"symbols": 6}, "more than twice as many symbols"),
        ({"fillers": 1}, "two fillers or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Induction("decoder", **parameters)  # type: ignore[arg-type]
