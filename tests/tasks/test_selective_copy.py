"""Selective copy measures what it says: marked values by their turn, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, Body, UserError
from posharness_tasks.selective_copy import SelectiveCopy

from .blind import check_nothing_else_tells
from .interventions import (
    check_necessary,
    check_sufficient,
    other_value,
    seeded,
)


def solve(task: SelectiveCopy, batch: Batch) -> Tensor:
    """Walk back from each slot to the marker whose turn it is: by hand, from tokens alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        for position, token in enumerate(tokens):
            back = task.slot + task.marked - token  # how many markers to walk
            markers = [i for i in range(position) if tokens[i] == task.marker]
            if token >= task.slot and back <= len(markers):
                found[row, position] = tokens[markers[-back] - 1]
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[SelectiveCopy, Batch, int]:
    values, marked = draw(st.integers(2, 7)), draw(st.integers(1, 4))
    slots = draw(st.integers(1, min(marked, 3)))
    # With `marked` rungs of a ladder that climbs by `slots` + 1 at least.
    length = draw(st.integers((slots + 1) * 2 ** (marked - 1) + slots, 83))
    task = SelectiveCopy("decoder", length=length, values=values, marked=marked, slots=slots)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[SelectiveCopy, Batch, int]) -> None:
    task, batch, _ = case
    for tokens, targets, scored in zip(
        batch.tokens.tolist(), batch.targets.tolist(), batch.scored.tolist(), strict=True
    ):
        body, slots = tokens[: -task.slots], tokens[-task.slots :]
        assert scored == [False] * len(body) + [True] * task.slots
        assert set(slots) <= set(range(task.slot, task.vocabulary))
        assert len(set(slots)) == task.slots
        markers = [i for i, token in enumerate(body) if token == task.marker]
        # The first slot asks for the first marked value.
        values = [body[i - 1] for i in markers]
        assert [values[slot - task.slot] for slot in slots] == targets[-task.slots :]
        assert len(values) == task.marked
        assert max(values) < task.values


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_the_sources_are_sufficient_and_necessary(case: tuple[SelectiveCopy, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: SelectiveCopy, batch: Batch, position: Tensor) -> Tensor:
        """Values, and before the slot's own value any number of markers; slots in any order."""
        value = position - batch.dependency_length.gather(1, position)
        place = torch.arange(batch.tokens.shape[1])
        values, anything, slots = (
            torch.randint(low, high, batch.tokens.shape, generator=generator)
            for low, high in ((0, task.values), (0, task.slot), (task.slot, task.vocabulary))
        )
        tokens = torch.where(place < value, anything, values)
        return torch.where(batch.tokens >= task.slot, slots, tokens)

    check_sufficient(task, batch, solve, others)
    check_necessary(task, batch, solve, other_value(task.values, generator), farthest=True)


@pytest.mark.parametrize("body", SelectiveCopy.bodies)
@pytest.mark.parametrize(("length", "slots"), [(6, 1), (8, 2)])
def test_nothing_but_the_sources_tells_the_answer(body: Body, length: int, slots: int) -> None:
    check_nothing_else_tells(SelectiveCopy(body, length=length, values=2, marked=2, slots=slots))


def test_the_last_marked_value_is_no_nearer_to_its_slot_than_it_has_to_be() -> None:
    task = SelectiveCopy("decoder")
    batch = task.sample(seeded(1), 3000, 64, "train")
    last = batch.tokens == task.vocabulary - 1
    distance = batch.dependency_length[last]
    assert set(distance.tolist()) >= set(task.distances(64)[:4])
    assert float((distance == task.distances(64)[0]).float().mean()) < 0.6


def test_the_ladder_climbs_by_root_two_where_marked_values_do_not_meet() -> None:
    task = SelectiveCopy("decoder", slots=2)
    assert task.distances(32) == [3, 6, 12, 17, 24]
    assert task.distances(64) == [3, 6, 12, 17, 24, 34, 48]
    assert SelectiveCopy("decoder", slots=1).distances(32) == [2, 4, 6, 8, 11, 16, 23]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 18}, "18 tokens is too short for 2 slots and 4 marked values at different distances"),
        ({"evaluation_lengths": (16, 32)}, "16 tokens is too short"),
        ({"slots": 0}, "one slot or more"),
        ({"slots": 5}, "at least as many marked values"),
        ({"values": 1, "slots": 1}, "two values or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SelectiveCopy("decoder", **parameters)  # type: ignore[arg-type]
