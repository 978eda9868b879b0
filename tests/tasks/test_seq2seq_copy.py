"""Copy across two sequences measures what it says: one source a symbol, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.seq2seq_copy import Seq2SeqCopy

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
    payload = draw(st.integers(1, symbols))
    length = draw(st.integers(2 + symbols, 41))
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


def test_chance_knows_that_the_last_symbol_does_not_recur() -> None:
    [objective] = Seq2SeqCopy("encoder-decoder", symbols=5, payload=3, length=13).objectives
    assert objective.chance == pytest.approx((1 / 5 + 1 / 4 + 1 / 4) / 3)


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    task = Seq2SeqCopy("encoder-decoder", payload=4)
    assert task.distances(24) == [1, 2, 3, 4, 6, 8, 11, 16]
    assert task.distances(48) == [1, 2, 3, 4, 6, 8, 11, 16, 23, 32]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 13}, "13 tokens is too short for two brackets, each of 12 words.*14 or more"),
        ({"evaluation_lengths": (9, 24)}, "9 tokens is too short"),
        ({"symbols": 1, "payload": 1}, "two words or more"),
        ({"payload": 0}, "between one and all"),
        ({"payload": 13}, "cannot put 13 different words of 12 in brackets"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Seq2SeqCopy("encoder-decoder", **parameters)  # type: ignore[arg-type]
