"""Reverse across two sequences measures what it says: one source a symbol, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.seq2seq_reverse import Seq2SeqReverse

from .blind import check_nothing_else_tells
from .seq2seq import check_sources, seeded


def solve(task: Seq2SeqReverse, batch: Batch) -> Tensor:
    """What stands between the brackets, backwards: by hand, from the memory alone."""
    found = torch.full_like(batch.tokens, -1)
    assert batch.memory is not None
    for row, memory in enumerate(batch.memory.tolist()):
        inside = memory[memory.index(task.opening) + 1 : memory.index(task.closing)]
        found[row] = torch.tensor(inside[::-1])
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Seq2SeqReverse, Batch, int]:
    symbols = draw(st.integers(2, 11))
    payload = draw(st.integers(1, 11))
    length = draw(st.integers(max(3, 3 * payload), 41))
    task = Seq2SeqReverse("encoder-decoder", length=length, payload=payload, symbols=symbols)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_scored_are_neighbours_whose_distance_shrinks_by_two(
    case: tuple[Seq2SeqReverse, Batch, int],
) -> None:
    task, batch, _ = case
    assert batch.memory is not None
    length, payload = batch.memory.shape[1], len(task.order)
    assert task.distances(length) == list(range(payload, length - 2 * payload + 1))
    for scored, distance in zip(batch.scored, batch.dependency_length, strict=True):
        positions = scored.nonzero()[:, 0]
        assert len(positions) >= 1
        assert (positions.diff() == 1).all()
        assert (distance[scored].diff() == -2).all()


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_source_is_sufficient_and_necessary(case: tuple[Seq2SeqReverse, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Seq2SeqReverse, memory: Tensor) -> Tensor:
        return torch.randint(task.words, memory.shape, generator=generator)

    check_sources(task, batch, solve, others)


def test_without_its_word_in_the_memory_an_answer_is_told_by_nothing() -> None:
    """Not even by the words that were emitted before it."""
    length = 7
    check_nothing_else_tells(Seq2SeqReverse("encoder-decoder", symbols=2, payload=2, length=length))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 23, "payload": 8}, "23 tokens is too short.*8 words at the same distances.*24 or more"),
        ({"evaluation_lengths": (11, 24)}, "11 tokens is too short"),
        ({"payload": 0}, "put one or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Seq2SeqReverse("encoder-decoder", **parameters)  # type: ignore[arg-type]
