"""Sorting by key measures what it says: the value before a rank is the answer, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, Split, UserError
from posharness_tasks._placing import scored_batch
from posharness_tasks.sort import Sort

from .blind import check_nothing_else_tells
from .interventions import check_necessary, check_sufficient, other_value, seeded


def solve(task: Sort, batch: Batch) -> Tensor:
    """List the values by the ranks before them, and write the list into the slots: from tokens alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        before = {token: tokens[i - 1] for i, token in enumerate(tokens) if task.values <= token < task.slot}
        slots = [i for i, token in enumerate(tokens) if token == task.slot]
        for rank, position in enumerate(slots):
            found[row, position] = before.get(task.values + rank, -1)
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
def test_every_sequence_is_laid_out_as_documented(case: tuple[Sort, Batch, int]) -> None:
    task, batch, _ = case
    for tokens, scored in zip(batch.tokens.tolist(), batch.scored.tolist(), strict=True):
        assert scored == [False] * (len(tokens) - task.values) + [True] * task.values
        assert [token == task.slot for token in tokens] == scored
        ranks = [i for i, token in enumerate(tokens) if task.values <= token < task.slot]
        assert sorted(tokens[i] for i in ranks) == list(range(task.values, task.slot))
        assert max(tokens[i - 1] for i in ranks) < task.values


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


def test_without_its_value_a_rank_tells_nothing() -> None:
    check_nothing_else_tells(Sort("encoder", values=2, length=8))


class EachValueOnce(Sort):
    """A mutant: the values of the items are a permutation, so that the others tell each."""

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        batch = super().sample(generator, n, length, split)
        assert batch.source is not None
        slot = torch.arange(length - self.values, length).expand(n, self.values)
        source = batch.source.gather(1, slot[..., None].expand(-1, -1, 2))
        values = torch.rand(n, self.values, generator=generator).argsort(1)
        tokens = batch.tokens.scatter(1, source[..., 0], values)
        distance = batch.dependency_length.gather(1, slot)
        return scored_batch(tokens, slot, targets=values, distance=distance, source=source)


def test_values_that_occur_once_each_are_caught() -> None:
    with pytest.raises(AssertionError, match="something else tells the answer"):
        check_nothing_else_tells(EachValueOnce("encoder", values=2, length=8))


def test_the_ladder_climbs_by_root_two_where_items_do_not_meet() -> None:
    task = Sort("encoder")
    assert task.distances(48) == [5, 10, 20, 28, 40]
    assert Sort("encoder", values=2, length=32).distances(32) == [3, 6, 12, 17, 24]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 31}, "31 tokens is too short for 4 items at different distances"),
        ({"evaluation_lengths": (16, 48)}, "16 tokens is too short"),
        ({"values": 1}, "two values or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Sort("encoder", **parameters)  # type: ignore[arg-type]
