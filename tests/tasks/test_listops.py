"""ListOps-lite measures what it says: the whole expression counts, and counts of its tokens do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, Change, Split, UserError
from posharness_tasks.listops import ListOps

from .interventions import check_interventions, seeded

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
    task = ListOps("encoder", length=draw(st.integers(8, 40)), levels=draw(st.integers(2, 3)))
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


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_another_digit_of_the_sum_changes_the_answer_and_items_below_the_extreme_do_not(
    case: tuple[ListOps, Batch, int],
) -> None:
    task, batch, seed = case
    changed = check_interventions(task, batch, seed, solve)
    assert not torch.equal(changed.tokens, batch.tokens) or task.levels == 3 or batch.tokens.shape[1] < 20


def test_what_counts_tell_is_the_blind_accuracy() -> None:
    """By hand: the share of right answers of the likeliest one in each multiset of a fit."""
    task = ListOps("encoder", length=8, evaluation_lengths=(8,))
    batch = task.sample(seeded(3), 20_000, 8, "train")
    counts = torch.stack([(batch.tokens == token).sum(1) for token in range(task.vocabulary)], 1)
    same = counts.unique(dim=0, return_inverse=True)[1]
    targets = batch.targets[batch.scored]
    table = torch.zeros(int(same.max()) + 1, 10).index_put_(
        (same, targets), torch.ones(len(targets)), accumulate=True
    )
    often = table.sum(1)[same] > 20
    assert float(often.float().mean()) > 0.5
    right = (table.argmax(1)[same] == targets)[often].float()
    assert batch.blind is not None
    stated = batch.blind[batch.scored][often]
    assert float(right.mean()) == pytest.approx(float(stated.mean()), abs=0.03)


@pytest.mark.parametrize("levels", [2, 3])
def test_without_the_digit_of_the_sum_every_answer_is_as_likely(levels: int) -> None:
    """It is counted for each value of the list, of whichever length."""
    task = ListOps("encoder", levels=levels)
    batch = task.sample(seeded(4), 20_000, 32, "train")
    target = batch.targets[batch.scored]
    start = batch.scored.nonzero()[:, 1:] - batch.dependency_length[batch.scored][:, None]
    behind = batch.tokens.gather(1, start + 1)
    end = batch.scored.nonzero()[:, 1:]
    digit = batch.tokens.gather(1, torch.where(behind < 10, start + 1, end - 1))[:, 0]
    value = (target - digit) % 10
    fit, test = slice(0, 10_000), slice(10_000, None)
    table = torch.zeros(10, 10)
    table.index_put_((value[fit], target[fit]), torch.ones(10_000), accumulate=True)
    assert float((table.argmax(1)[value[test]] == target[test]).float().mean()) <= 0.1 + 0.02


def test_three_levels_have_the_measured_accuracy_of_the_rule() -> None:
    task = ListOps("encoder", levels=3)
    batch = task.sample(seeded(5), 4000, 32, "test")
    assert batch.blind is not None
    right = task._by_counts(batch.tokens).argmax(1) == batch.targets[batch.scored]
    stated = batch.blind[batch.scored]
    assert len(stated.unique()) == len(task.distances(32))
    assert float(right.float().mean()) == pytest.approx(float(stated.mean()), abs=0.03)


@pytest.mark.parametrize("what", ["source", "others"])
def test_a_changed_expression_has_the_blind_accuracy_of_its_own_tokens(what: Change) -> None:
    """That of the row from which it was made is another one."""
    task = ListOps("encoder", length=24)
    batch = task.sample(seeded(7), 2000, 24, "test")
    changed = task.intervene(batch, seeded(8), what)
    assert batch.blind is not None
    assert changed.blind is not None
    before, after = batch.blind[batch.scored], changed.blind[batch.scored]
    assert torch.equal(after, task._by_counts(changed.tokens).amax(1))
    assert float((before != after).float().mean()) > 0.3


def test_splits_share_no_expression_wherever_it_stands() -> None:
    seen: dict[str, set[str]] = {}
    for split in ("train", "validation", "test"):
        part: Split = split  # type: ignore[assignment]
        for length in (8, 32):
            for tokens in ListOps("encoder").sample(seeded(8), 4000, length, part).tokens.tolist():
                words = " ".join(WORDS[token] for token in tokens).strip(" _")
                seen.setdefault(split, set()).add(words)
    assert min(map(len, seen.values())) > 3000
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


def test_every_split_has_expressions_of_the_shortest_span_for_every_answer() -> None:
    for split in ("train", "validation", "test"):
        batch = ListOps("encoder").sample(seeded(9), 3000, 8, split)  # type: ignore[arg-type]
        assert len(batch.targets[batch.scored].unique()) == 10


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
    assert ListOps("encoder").distances(32) == [6, 8, 12, 17, 24]
    assert ListOps("encoder").distances(8) == [6]


def test_a_sequence_without_room_for_an_expression_is_refused() -> None:
    with pytest.raises(UserError, match=r"5 tokens is too short for an expression.*8 or more"):
        ListOps("encoder", evaluation_lengths=(5, 32))
