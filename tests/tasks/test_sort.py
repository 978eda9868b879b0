"""Sorting by key measures what it says: rank and slot tell the answer, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.sort import Sort

from .interventions import (
    check_draws,
    check_necessary,
    check_repeatable,
    check_solved,
    check_sufficient,
    other_value,
    seeded,
)


def solve(task: Sort, batch: Batch) -> Tensor:
    """List the values by the ranks before them, and write the list into the slots: from tokens alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        behind = {token: tokens[i + 1] for i, token in enumerate(tokens) if task.values <= token < task.slot}
        slots = [i for i, token in enumerate(tokens) if token == task.slot]
        for rank, position in enumerate(slots):
            found[row, position] = behind.get(task.values + rank, -1)
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Sort, Batch, int]:
    values = draw(st.integers(2, 4))
    # With `values` rungs of a ladder that climbs by `values` + 1 at least.
    length = draw(st.integers((values + 1) * 2 ** (values - 1) + values, 83))
    task = Sort("encoder", length=length, values=values)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_a_solver_by_hand_is_always_right_and_the_source_is_where_it_looks(
    case: tuple[Sort, Batch, int],
) -> None:
    task, batch, _ = case
    check_solved(task, batch, solve)
    assert set(batch.dependency_length[batch.scored].tolist()) <= set(task.distances(batch.tokens.shape[1]))


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Sort, Batch, int]) -> None:
    task, batch, _ = case
    for tokens, scored in zip(batch.tokens.tolist(), batch.scored.tolist(), strict=True):
        assert scored == [False] * (len(tokens) - task.values) + [True] * task.values
        assert [token == task.slot for token in tokens] == scored
        ranks = [i for i, token in enumerate(tokens) if task.values <= token < task.slot]
        assert sorted(tokens[i] for i in ranks) == list(range(task.values, task.slot))
        assert sorted(tokens[i + 1] for i in ranks) == list(range(task.values))


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_the_sources_are_sufficient_and_necessary(case: tuple[Sort, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Sort, batch: Batch, position: Tensor) -> Tensor:
        """Values, and ranks but the one that is asked for; slots stay."""
        asked = task.slot - batch.tokens.shape[1] + position
        tokens = torch.randint(task.slot - 1, batch.tokens.shape, generator=generator)
        return (tokens + (tokens >= asked)).where(batch.tokens != task.slot, task.slot)

    check_sufficient(task, batch, solve, others)
    check_necessary(task, batch, solve, other_value(task.values, generator))


@settings(max_examples=20, deadline=None)
@given(drawn())
def test_the_generator_alone_decides_the_batch(case: tuple[Sort, Batch, int]) -> None:
    check_repeatable(*case)


@pytest.mark.parametrize("factor", [1, 2])
def test_distances_are_uniform_and_tied_neither_to_position_nor_to_target(factor: int) -> None:
    task = Sort("encoder")
    check_draws(task, task.distances(factor * task.length), factor * task.length)


def test_the_ladder_climbs_by_root_two_where_items_do_not_meet() -> None:
    task = Sort("encoder")
    assert task.distances(48) == [5, 10, 20, 28, 40]
    assert Sort("encoder", values=2, length=32).distances(32) == [3, 6, 12, 17, 24]


def test_up_to_eight_times_the_training_length_is_tested_unless_told() -> None:
    assert Sort("encoder", length=37).evaluation_lengths == (37, 74, 148, 296)
    assert Sort("encoder", evaluation_lengths=(32, 41)).evaluation_lengths == (32, 41)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 31}, "31 tokens has no room for 4 items at different distances"),
        ({"evaluation_lengths": (16, 48)}, "16 tokens has no room"),
        ({"values": 1}, "two values or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Sort("encoder", **parameters)  # type: ignore[arg-type]
