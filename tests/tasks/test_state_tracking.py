"""State tracking measures what it says: everything since the last reset counts, and nothing before it."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.state_tracking import StateTracking

from .interventions import check_interventions, seeded

S5 = list(permutations(range(5)))


def solve(task: StateTracking, batch: Batch) -> Tensor:
    """Run through the tokens with a state: by hand, from tokens alone."""
    found = torch.full_like(batch.tokens, -1)
    start = tuple(range(5)) if task.group == "s5" else 0
    for row, tokens in enumerate(batch.tokens.tolist()):
        state = start
        for position, token in enumerate(tokens):
            if token == task.reset:
                state = start
            elif token == task.question:
                found[row, position] = S5.index(state) if isinstance(state, tuple) else state
            elif isinstance(state, tuple):
                state = tuple(S5[token][thing] for thing in state)
            else:
                state = (state + token) % (2 if task.group == "parity" else 5)
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[StateTracking, Batch, int]:
    group = draw(st.sampled_from(["parity", "mod5", "s5"]))
    task = StateTracking("decoder", group=group, length=draw(st.integers(10, 61)))
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_a_solver_by_hand_is_always_right_and_the_span_reaches_to_the_last_reset(
    case: tuple[StateTracking, Batch, int],
) -> None:
    task, batch, _ = case
    assert torch.equal(solve(task, batch)[batch.scored], batch.targets[batch.scored])
    assert task.distance == "span"
    assert batch.source is None
    assert int(batch.scored.sum()) == len(batch.tokens)
    for tokens, scored, distance in zip(
        batch.tokens.tolist(), batch.scored.tolist(), batch.dependency_length, strict=True
    ):
        question = scored.index(True)
        assert tokens[question] == task.question
        assert tokens.count(task.question) == 1
        assert question >= len(tokens) - max(1, len(tokens) // 4)
        reset = max(place for place, token in enumerate(tokens[:question]) if token == task.reset)
        assert question - reset == int(distance[question])
        assert int(distance[question]) in task.distances(len(tokens))
        assert task.reset not in tokens[question:]
    assert (batch.dependency_length[~batch.scored] == -1).all()


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_every_token_of_the_span_is_necessary_and_no_other(case: tuple[StateTracking, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)
    length = batch.tokens.shape[1]
    question = batch.scored.nonzero()[:, 1:]
    reset = question - batch.dependency_length.gather(1, question)
    place = torch.arange(length)
    target = batch.targets.gather(1, question)

    others = torch.randint(task.reset + 1, batch.tokens.shape, generator=generator)
    outside = (place < reset) | (place > question)
    changed = replace(batch, tokens=torch.where(outside, others, batch.tokens))
    assert torch.equal(solve(task, changed).gather(1, question), target)

    shift = torch.randint(1, task.elements, target.shape, generator=generator)
    for at in range(length):
        token = batch.tokens[:, at : at + 1]
        inside = (at > reset) & (at < question)
        tokens = batch.tokens.clone()
        tokens[:, at : at + 1] = torch.where(inside, (token + shift) % task.elements, token)
        found = solve(task, replace(batch, tokens=tokens)).gather(1, question)
        assert torch.equal(found != target, inside)


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_another_first_element_changes_the_answer_and_what_is_before_the_reset_does_not(
    case: tuple[StateTracking, Batch, int],
) -> None:
    task, batch, seed = case
    check_interventions(task, batch, seed, solve)


@pytest.mark.parametrize("group", ["parity", "mod5", "s5"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_shortest_sequences_of_every_split_have_every_span_and_answer(group: str, split: str) -> None:
    """As many answers of each kind as there are: no split is short of some."""
    task = StateTracking("decoder", group=group, length=10)  # type: ignore[arg-type]
    batch = task.sample(seeded(3), 6000, 10, split)  # type: ignore[arg-type]
    for span in task.distances(10):
        targets = batch.targets[batch.dependency_length == span]
        assert len(targets.unique()) == task.elements


def test_the_shortest_sequences_are_in_one_split_alone() -> None:
    task = StateTracking("decoder", length=10)
    train, validation, test = (
        {tuple(row) for row in task.sample(seeded(1), 6000, 10, split).tokens.tolist()}  # type: ignore[arg-type]
        for split in ("train", "validation", "test")
    )
    assert not train & test
    assert not train & validation
    assert not validation & test


def test_it_is_a_negative_control_with_the_chance_of_its_group() -> None:
    chances = {}
    for group in ("parity", "mod5", "s5"):
        task = StateTracking("decoder", group=group)  # type: ignore[arg-type]
        assert task.control
        chances[group] = task.objectives[0].chance
    assert chances == {"parity": 1 / 2, "mod5": 1 / 5, "s5": 1 / 120}


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    assert StateTracking("decoder").distances(32) == [2, 3, 4, 6, 8, 11, 16, 23]
    assert StateTracking("decoder").distances(10) == [2, 3, 4, 6, 8]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 9}, "too few sequences of 9 tokens for three splits; give lengths of 10 or more"),
        ({"evaluation_lengths": (2, 32)}, "too few sequences of 2 tokens"),
        ({"group": "z7"}, "give parity, mod5 or s5"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        StateTracking("decoder", **parameters)  # type: ignore[arg-type]
