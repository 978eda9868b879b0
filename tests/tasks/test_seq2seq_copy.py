"""Copy across two sequences measures what it says: one source a symbol, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.seq2seq_copy import Seq2SeqCopy

from .blind import check_nothing_else_tells
from .seq2seq import check_sources, seeded


def solve(task: Seq2SeqCopy, batch: Batch) -> Tensor:
    """What stands between the brackets: by hand, from the memory alone."""
    found = torch.full_like(batch.tokens, -1)
    assert batch.memory is not None
    for row, memory in enumerate(batch.memory.tolist()):
        inside = memory[memory.index(task.opening) + 1 : memory.index(task.closing)]
        found[row] = torch.tensor(inside)
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Seq2SeqCopy, Batch, int]:
    symbols = draw(st.integers(2, 11))
    payload = draw(st.integers(1, 11))
    length = draw(st.integers(2 + payload + payload, 41))
    task = Seq2SeqCopy("encoder-decoder", length=length, payload=payload, symbols=symbols)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_symbol_is_scored_at_the_distance_of_the_opening_bracket(
    case: tuple[Seq2SeqCopy, Batch, int],
) -> None:
    task, batch, _ = case
    assert batch.memory is not None
    assert batch.scored.all()
    for memory, distance in zip(batch.memory.tolist(), batch.dependency_length.tolist(), strict=True):
        assert set(distance) == {memory.index(task.opening) + 1} <= set(task.distances(len(memory)))


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_source_is_sufficient_and_necessary(case: tuple[Seq2SeqCopy, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Seq2SeqCopy, memory: Tensor) -> Tensor:
        return torch.randint(task.words, memory.shape, generator=generator)

    check_sources(task, batch, solve, others)


def test_without_its_word_in_the_memory_an_answer_is_told_by_nothing() -> None:
    """Not even by the words that were emitted before it."""
    length = 6
    check_nothing_else_tells(Seq2SeqCopy("encoder-decoder", symbols=2, payload=2, length=length))


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    task = Seq2SeqCopy("encoder-decoder", payload=4)
    assert task.distances(24) == [2, 3, 4, 6, 8, 11, 16]
    assert task.distances(48) == [2, 3, 4, 6, 8, 11, 16, 23, 32]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 6}, "6 tokens is too short for two brackets and 4 words.*7 or more"),
        ({"evaluation_lengths": (6, 24)}, "6 tokens is too short"),
        ({"symbols": 1, "payload": 1}, "two words or more"),
        ({"payload": 0}, "cannot put 0 words of 12 different ones in brackets"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Seq2SeqCopy("encoder-decoder", **parameters)  # type: ignore[arg-type]
