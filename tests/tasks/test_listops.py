"""ListOps-lite measures what it says: the whole expression counts, and counts of its tokens do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.listops import ListOps

from .interventions import seeded

WORDS = [*"0123456789", "[SM", "[MAX", "[MIN", "]", "_"]


def evaluate(words: list[str]) -> tuple[int, int]:
    """The value of the expression that a list of words begins with, and how many words it has."""
    if words[0].isdigit():
        return int(words[0]), 1
    operation = {"[SM": lambda items: sum(items) % 10, "[MAX": max, "[MIN": min}[words[0]]
    items, place = [], 1
    while words[place] != "]":
        value, used = evaluate(words[place:])
        items.append(value)
        place += used
    return operation(items), place + 1


def solve(task: ListOps, batch: Batch) -> Tensor:
    """Evaluate the expression by recursion: by hand, from words alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        words = [WORDS[token] for token in tokens]
        start = words.index("[SM")
        value, used = evaluate(words[start:])
        found[row, start + used - 1] = value
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[ListOps, Batch, int]:
    task = ListOps("encoder", length=draw(st.integers(8, 90)), levels=draw(st.integers(2, 3)))
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_a_solver_by_hand_is_always_right_and_the_span_is_the_expression(
    case: tuple[ListOps, Batch, int],
) -> None:
    task, batch, _ = case
    assert task.distance == "span"
    assert batch.source is None
    assert torch.equal(solve(task, batch)[batch.scored], batch.targets[batch.scored])
    for tokens, scored, distance in zip(
        batch.tokens.tolist(), batch.scored.tolist(), batch.dependency_length, strict=True
    ):
        words = [WORDS[token] for token in tokens]
        start, end = words.index("[SM"), scored.index(True)
        assert sum(scored) == 1
        assert end - start == int(distance[end])
        assert int(distance[end]) in task.distances(len(words))
        assert evaluate(words[start:])[1] == end - start + 1
        assert set(words[:start] + words[end + 1 :]) <= {"_"}
        assert end >= len(words) - max(1, len(words) // 4)
        depth = highest = 0
        for word in words[start : end + 1]:
            depth += word.startswith("[") - (word == "]")
            highest = max(highest, depth)
        assert 2 <= highest <= task.levels
        between = words[start + 1 : end]
        assert between[0].isdigit() != between[-1].isdigit()
        assert words.count("[SM") == 1
    assert (batch.dependency_length[~batch.scored] == -1).all()


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_nothing_outside_counts_and_the_farthest_digit_does(case: tuple[ListOps, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)
    end = batch.scored.nonzero()[:, 1:]
    start = end - batch.dependency_length.gather(1, end)
    place = torch.arange(batch.tokens.shape[1])
    target = batch.targets.gather(1, end)
    digits = torch.randint(10, batch.tokens.shape, generator=generator)
    tokens = torch.where((place < start) | (place > end), digits, batch.tokens)
    assert torch.equal(solve(task, replace(batch, tokens=tokens)).gather(1, end), target)
    # The sum's digit stands next to either end of the expression.
    token = batch.tokens.gather(1, start + 1)
    at = torch.where(token < 10, start + 1, end - 1)
    other = (batch.tokens.gather(1, at) + torch.randint(1, 10, at.shape, generator=generator)) % 10
    found = solve(task, replace(batch, tokens=batch.tokens.scatter(1, at, other))).gather(1, end)
    assert (found != target).all()


def test_inner_lists_and_both_operations_occur_on_both_levels() -> None:
    task = ListOps("encoder", levels=3)
    batch = task.sample(seeded(6), 2000, 64, "train")
    openings = [
        [WORDS[token] for token in tokens if token in (task.maximum, task.minimum)]
        for tokens in batch.tokens.tolist()
    ]
    for level in (0, 1):
        found = [words[level] for words in openings if len(words) > level]
        assert found.count("[MAX") == pytest.approx(len(found) / 2, abs=2.5 * len(found) ** 0.5)
    assert max(map(len, openings)) > 5


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    assert ListOps("encoder").distances(32) == [5, 7, 10, 14, 20]
    assert ListOps("encoder").distances(8) == [5]


def test_a_sequence_without_room_for_an_expression_is_refused() -> None:
    with pytest.raises(UserError, match=r"5 tokens is too short for an expression.*8 or more"):
        ListOps("encoder", evaluation_lengths=(5, 32))
