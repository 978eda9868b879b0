"""Variable tracking measures what it says: assignments tell the answer, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.variables import Variables

from .interventions import RARE, check_draws, check_repeatable, check_solved, seeded, tied


def statements(task: Variables, tokens: list[int]) -> list[tuple[int, int, int]]:
    """Place, variable and right side of each statement before the question."""
    end = tokens.index(task.question)
    return [
        (place - 1, tokens[place - 1], tokens[place + 1])
        for place in range(1, end)
        if tokens[place] == task.equals
    ]


def answer(task: Variables, tokens: list[int]) -> int:
    """Execute the statements, and look the variable up."""
    memory: dict[int, int] = {}
    for _, variable, right in statements(task, tokens):
        memory[variable] = right if right < task.values else memory.get(right, -1)
    return memory.get(tokens[tokens.index(task.question) + 1], -1)


def solve(task: Variables, batch: Batch) -> Tensor:
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        found[row, tokens.index(task.question) + 1] = answer(task, tokens)
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Variables, Batch, int]:
    values = draw(st.integers(2, 4))
    hops = draw(st.integers(1, 3))
    # With `values` rungs of a ladder that climbs by `hops` statements at least, in seven eighths.
    least = -(-8 * (3 * hops * 2 ** (values - 1) + 4) // 7)
    task = Variables("decoder", length=draw(st.integers(least, 99)), values=values, hops=hops)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


def rows(batch: Batch) -> list[tuple[list[int], int, list[int]]]:
    """Tokens, emitting position and the sources of its answer, of each sequence."""
    assert batch.source is not None
    position = batch.scored.nonzero()[:, 1].tolist()
    return [
        (tokens, place, [s for s in source[place].tolist() if s >= 0])
        for tokens, place, source in zip(batch.tokens.tolist(), position, batch.source, strict=True)
    ]


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_a_solver_by_hand_is_always_right_and_the_source_is_where_it_looks(
    case: tuple[Variables, Batch, int],
) -> None:
    task, batch, _ = case
    check_solved(task, batch, solve)
    assert set(batch.dependency_length[batch.scored].tolist()) <= set(task.distances(batch.tokens.shape[1]))


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Variables, Batch, int]) -> None:
    task, batch, _ = case
    assert batch.stratum is not None
    for (tokens, place, source), stratum in zip(rows(batch), batch.stratum, strict=True):
        program = statements(task, tokens)
        hops = int(stratum[place]) + 1
        assert tokens[place - 1] == task.question
        assert place >= len(tokens) - max(1, len(tokens) // 8)
        assert set(tokens[place + 1 :]) <= {task.blank}
        assert len(program) == task.values * hops
        variables = [left for _, left, _ in program]
        assert len(set(variables)) == len(variables)
        assert len(source) == 2 * hops + 1
        begins = [(start, right) for start, _, right in program if right < task.values]
        assert sorted(right for _, right in begins) == list(range(task.values))
        assert min(source) in [start for start, _ in begins]
        # Asked for is what no other statement reads.
        assert tokens[place] in set(variables) - {right for _, _, right in program}


def others(task: Variables, tokens: list[int], source: list[int], generator: torch.Generator) -> list[int]:
    """Every statement that is no source assigns anything to any variable that is not on its way."""
    changed = list(tokens)
    free = set(range(task.values, task.values + task.variables)) - {tokens[at] for at in source}
    for start, _, _ in statements(task, tokens):
        if start not in source and free:
            choice = int(torch.randint(len(free), (), generator=generator))
            changed[start] = sorted(free)[choice]
            changed[start + 2] = int(torch.randint(task.values + task.variables, (), generator=generator))
    return changed


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_the_sources_are_sufficient(case: tuple[Variables, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)
    for (tokens, place, source), target in zip(rows(batch), batch.targets, strict=True):
        assert answer(task, others(task, tokens, source, generator)) == int(target[place])


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_each_source_is_necessary(case: tuple[Variables, Batch, int]) -> None:
    """With another value, or another chain's variable, at one of them there is another answer or none."""
    task, batch, _ = case
    for (tokens, place, source), target in zip(rows(batch), batch.targets, strict=True):
        for at in source:
            lowest, count = (0, task.values) if tokens[at] < task.values else (task.values, task.variables)
            # Another variable of the chain has the same value.
            for other in {*range(lowest, lowest + count)} - {tokens[where] for where in source}:
                changed = [*tokens[:at], other, *tokens[at + 1 :]]
                assert answer(task, changed) != int(target[place])


@settings(max_examples=20, deadline=None)
@given(drawn())
def test_the_generator_alone_decides_the_batch(case: tuple[Variables, Batch, int]) -> None:
    check_repeatable(*case)


@pytest.mark.parametrize("length", [48, 97])
def test_distances_are_uniform_and_tied_neither_to_position_nor_to_target(length: int) -> None:
    task = Variables("encoder")
    check_draws(task, task.distances(length), length)


def test_hops_are_uniform_and_tied_to_nothing() -> None:
    task = Variables("decoder")
    batch = task.sample(seeded(4), 6000, task.length, "train")
    assert batch.stratum is not None
    hops = batch.stratum[batch.scored]
    assert chisquare(hops.bincount(minlength=task.hops)).pvalue > RARE
    assert not tied(hops, batch.targets[batch.scored])
    assert not tied(hops, batch.dependency_length[batch.scored])


def test_the_chain_that_is_asked_for_is_any_of_them() -> None:
    """Its value is the first, the second and so on of the values in sight, each as often."""
    task = Variables("decoder")
    batch = task.sample(seeded(7), 6000, task.length, "train")
    turns = []
    for tokens, _, source in rows(batch):
        begins = [start for start, _, right in statements(task, tokens) if right < task.values]
        turns.append(begins.index(min(source)))
    assert chisquare(torch.tensor(turns).bincount()).pvalue > RARE


def test_the_ladder_climbs_by_root_two_in_statements() -> None:
    task = Variables("decoder")
    assert task.distances(48) == [7, 13, 19, 25, 34]
    assert task.distances(96) == [7, 13, 19, 25, 34, 49, 70]
    assert Variables("decoder", hops=1).distances(48) == [4, 7, 10, 13, 19, 25, 34]


def test_up_to_eight_times_the_training_length_is_tested_unless_told() -> None:
    assert Variables("decoder", length=47).evaluation_lengths == (47, 94, 188, 376)
    assert Variables("decoder", evaluation_lengths=(48, 53)).evaluation_lengths == (48, 53)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 20}, "20 tokens has no room for a question and 4 chains of 2 statements"),
        ({"evaluation_lengths": (9, 48)}, "9 tokens has no room"),
        ({"values": 1}, "two values or more"),
        ({"hops": 0}, "one hop or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Variables("decoder", **parameters)  # type: ignore[arg-type]
