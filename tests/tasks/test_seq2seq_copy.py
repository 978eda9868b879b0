"""Copy across two sequences measures what it says: one source a symbol, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.seq2seq_copy import Seq2SeqCopy

from .crossing import check_draws, check_frame, check_repeatable, check_solved, check_sources, seeded


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
def test_a_solver_by_hand_is_always_right_and_the_source_is_where_it_looks(
    case: tuple[Seq2SeqCopy, Batch, int],
) -> None:
    task, batch, _ = case
    assert batch.memory is not None
    length = batch.memory.shape[1]
    check_solved(task, batch, solve)
    check_frame(task, batch, length)
    assert batch.scored.all()
    for memory, distance in zip(batch.memory.tolist(), batch.dependency_length.tolist(), strict=True):
        assert set(distance) == {memory.index(task.opening) + 1} <= set(task.distances(length))


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_source_is_sufficient_and_necessary(case: tuple[Seq2SeqCopy, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Seq2SeqCopy, memory: Tensor) -> Tensor:
        return torch.randint(task.words, memory.shape, generator=generator)

    check_sources(task, batch, solve, others)


@settings(max_examples=20, deadline=None)
@given(drawn())
def test_the_generator_alone_decides_the_batch(case: tuple[Seq2SeqCopy, Batch, int]) -> None:
    check_repeatable(*case)


@pytest.mark.parametrize("factor", [1, 2])
def test_distances_and_answers_are_uniform_at_each_position(factor: int) -> None:
    task = Seq2SeqCopy("encoder-decoder")
    check_draws(task, factor * task.length, possible=12)


def test_chance_knows_that_the_last_symbol_does_not_recur() -> None:
    [objective] = Seq2SeqCopy("encoder-decoder", symbols=5, payload=3, length=13).objectives
    assert objective.chance == pytest.approx((1 / 5 + 1 / 4 + 1 / 4) / 3)


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    task = Seq2SeqCopy("encoder-decoder", payload=4)
    assert task.distances(24) == [1, 2, 3, 4, 6, 8, 11, 16]
    assert task.distances(48) == [1, 2, 3, 4, 6, 8, 11, 16, 23, 32]


def test_up_to_eight_times_the_training_length_is_tested_unless_told() -> None:
    assert Seq2SeqCopy("encoder-decoder", length=37).evaluation_lengths == (37, 74, 148, 296)
    assert Seq2SeqCopy("encoder-decoder", evaluation_lengths=(24, 41)).evaluation_lengths == (24, 41)


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
