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
    values = draw(st.integers(2, 7))
    hops = draw(st.integers(1, 4))
    task = Variables(
        "decoder",
        length=draw(st.integers(4 * (values + hops), 90)),
        values=values,
        hops=hops,
        variables=draw(st.integers(hops + 1, 9)),
    )
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
    variables = range(task.values, task.values + task.variables)
    for (tokens, place, source), stratum in zip(rows(batch), batch.stratum, strict=True):
        program = statements(task, tokens)
        assert tokens[place - 1] == task.question
        assert place >= len(tokens) - max(1, len(tokens) // 8)
        assert set(tokens[place + 1 :]) <= {task.blank}
        assert len(program) == (place - 1) // 3
        assert [start for start, _, _ in program] == list(range((place - 1) % 3, place - 1, 3))
        assert all(left in variables for _, left, _ in program)
        assert len(source) == 2 * (int(stratum[place]) + 1) + 1
        values = [right for _, _, right in program if right < task.values]
        assert {values.count(value) for value in range(task.values)} == {len(values) // task.values}
        assert min(source) in [start for start, _, right in program if right < task.values]


def others(task: Variables, tokens: list[int], source: list[int], generator: torch.Generator) -> list[int]:
    """Every statement that is no source assigns anything to any variable that is not on its way."""
    changed, live = list(tokens), -1
    for start, left, _ in statements(task, tokens):
        if start in source:
            live = left
            continue
        variable = live
        while variable == live:
            variable = task.values + int(torch.randint(task.variables, (), generator=generator))
        changed[start] = variable
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
    """Without one of them the rest leave the answer open: it depends on other statements.

    A changed value is enough to change the answer; with a changed variable some other assignment
    counts, which in another filler is another value's.
    """
    task, batch, seed = case
    generator = seeded(seed + 2)
    for (tokens, place, source), target in zip(rows(batch), batch.targets, strict=True):
        for at in source:
            if tokens[at] < task.values:
                values = [value for value in range(task.values) if value != tokens[at]]
                fillers = [[*tokens[:at], value, *tokens[at + 1 :]] for value in values]
                assert int(target[place]) not in [answer(task, filler) for filler in fillers]
            else:
                fillers = [others(task, tokens, source, generator) for _ in range(40)]
                for shift, filler in enumerate(fillers):
                    name = tokens[at] - task.values + 1 + shift % (task.variables - 1)
                    filler[at] = task.values + name % task.variables
                assert {answer(task, filler) for filler in fillers} != {int(target[place])}


@settings(max_examples=20, deadline=None)
@given(drawn())
def test_the_generator_alone_decides_the_batch(case: tuple[Variables, Batch, int]) -> None:
    check_repeatable(*case)


@pytest.mark.parametrize("length", [48, 97])
def test_distances_are_uniform_and_tied_neither_to_position_nor_to_target(length: int) -> None:
    task = Variables("encoder")
    check_draws(task, task.distances(length), length)


def test_hops_are_uniform_and_say_nothing_about_the_answer() -> None:
    task = Variables("decoder")
    batch = task.sample(seeded(4), 6000, task.length, "train")
    assert batch.stratum is not None
    hops, target = batch.stratum[batch.scored], batch.targets[batch.scored]
    distance = batch.dependency_length[batch.scored]
    assert not tied(hops, target)
    for rung in task.distances(task.length):
        shares = hops[distance == rung].bincount().float() / int((distance == rung).sum())
        assert len(shares) == min(4, rung // 3)
        assert float((shares - 1 / len(shares)).abs().max()) < 0.06


def test_the_answer_comes_again_anywhere_among_the_values() -> None:
    """Its other assignment is any of those that are not the source: no order of values tells the source."""
    task = Variables("decoder")
    batch = task.sample(seeded(7), 6000, task.length, "train")
    again = []
    for tokens, _, source in rows(batch):
        others = [right for start, _, right in statements(task, tokens) if start != min(source)]
        others = [right for right in others if right < task.values]
        assert len(others) == 2 * task.values - 1
        again.append(others.index(tokens[min(source) + 2]))
    assert chisquare(torch.tensor(again).bincount()).pvalue > RARE


def test_the_ladder_climbs_by_root_two_in_statements() -> None:
    task = Variables("decoder")
    assert task.distances(48) == [4, 7, 10, 13, 19, 25, 34]
    assert task.distances(96) == [4, 7, 10, 13, 19, 25, 34, 49, 70]


def test_up_to_eight_times_the_training_length_is_tested_unless_told() -> None:
    assert Variables("decoder", length=47).evaluation_lengths == (47, 94, 188, 376)
    assert Variables("decoder", evaluation_lengths=(48, 53)).evaluation_lengths == (48, 53)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 20}, "20 tokens has no room for a question and 7 statements, one for each of 4 values"),
        ({"evaluation_lengths": (9, 48)}, "9 tokens has no room"),
        ({"values": 1}, "two values or more"),
        ({"variables": 4}, "more variables than hops"),
        ({"hops": 0}, "one hop or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Variables("decoder", **parameters)  # type: ignore[arg-type]
