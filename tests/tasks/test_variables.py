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

from .blind import check_nothing_else_tells
from .interventions import RARE, seeded, tied


def statements(task: Variables, tokens: list[int]) -> list[tuple[int, int, int]]:
    """Place, what is assigned, and the variable that gets it, of each statement."""
    assigned = task.values + task.names
    return [
        (place - 1, tokens[place - 1], token - task.names)
        for place, token in enumerate(tokens)
        if token >= assigned
    ]


def answers(task: Variables, tokens: list[int]) -> list[int]:
    """Execute the statements in their order, and look each variable that is asked for up."""
    memory: dict[int, int] = {}
    for _, right, name in statements(task, tokens):
        memory[name] = right if right < task.values else memory.get(right, -1)
    return [memory.get(variable, -1) for variable in tokens[-task.queries :]]


def solve(task: Variables, batch: Batch) -> Tensor:
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        found[row, -task.queries :] = torch.tensor(answers(task, tokens))
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Variables, Batch, int]:
    values = draw(st.integers(2, 4))
    hops = draw(st.integers(1, 3))
    queries = draw(st.integers(1, min(values, 2)))
    # With `values` rungs of a ladder that climbs by 2 · `hops` + `queries` at least.
    least = (2 * hops + queries) * 2 ** (values - 1) + queries
    task = Variables(
        "decoder", length=draw(st.integers(least, 99)), values=values, hops=hops, queries=queries
    )
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


def rows(batch: Batch) -> list[tuple[list[int], int, int, list[int]]]:
    """Tokens, emitting position, answer and sources, of each prediction."""
    assert batch.source is not None
    return [
        (
            batch.tokens[b].tolist(),
            i,
            int(batch.targets[b, i]),
            [s for s in batch.source[b, i].tolist() if s >= 0],
        )
        for b, i in batch.scored.nonzero().tolist()
    ]


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Variables, Batch, int]) -> None:
    task, batch, _ = case
    assert batch.stratum is not None
    for b, tokens in enumerate(batch.tokens.tolist()):
        program = statements(task, tokens)
        hops = int(batch.stratum[b, -1]) + 1
        assert len(program) == task.values * hops
        variables = [name for _, _, name in program]
        assert len(set(variables)) == len(variables)
        assert sum(right < task.values for _, right, _ in program) == task.values
        used = {place for start, _, _ in program for place in (start, start + 1)}
        assert len(used) == 2 * len(program)
        rest = [token for place, token in enumerate(tokens[: -task.queries]) if place not in used]
        assert all(token < task.values for token in rest)
        # Asked for is what no other statement takes over.
        asked = tokens[-task.queries :]
        assert len(set(asked)) == task.queries
        assert set(asked) <= set(variables) - {right for _, right, _ in program}
    for tokens, _, _, source in rows(batch):
        begins = [start for start, right, _ in statements(task, tokens) if right < task.values]
        assert min(source) in begins
        assert len(source) % 2 == 1


def others(task: Variables, tokens: list[int], source: list[int], generator: torch.Generator) -> list[int]:
    """Every statement that is no source gives anything to any variable that is not on its way."""
    changed = list(tokens)
    on_the_way = {(tokens[at] - task.values) % task.names for at in source if tokens[at] >= task.values}
    free = sorted(set(range(task.names)) - on_the_way)
    for start, _, _ in statements(task, tokens):
        if start not in source and free:
            choice = int(torch.randint(len(free), (), generator=generator))
            changed[start] = int(torch.randint(task.values + task.names, (), generator=generator))
            changed[start + 1] = task.values + task.names + free[choice]
    for place, token in enumerate(tokens):
        if token < task.values and place not in source and changed[place] == token:
            changed[place] = int(torch.randint(task.values, (), generator=generator))
    return changed


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_the_sources_are_sufficient(case: tuple[Variables, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)
    for tokens, place, target, source in rows(batch):
        changed = others(task, tokens, source, generator)
        assert answers(task, changed)[place - len(tokens)] == target


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_each_source_is_necessary(case: tuple[Variables, Batch, int]) -> None:
    """With another value there is another answer; with a variable that has no value, there is none."""
    task, batch, _ = case
    for tokens, place, target, source in rows(batch):
        for at in source:
            if tokens[at] < task.values:
                other = (tokens[at] + 1) % task.values
            else:
                on_the_way = {(tokens[where] - task.values) % task.names for where in source}
                kind = (tokens[at] - task.values) // task.names
                free = set(range(task.names)) - on_the_way
                assigned = {name - task.values for _, _, name in statements(task, tokens)}
                unknown = free - assigned
                if not unknown:
                    continue
                other = task.values + kind * task.names + min(unknown)
            changed = [*tokens[:at], other, *tokens[at + 1 :]]
            assert answers(task, changed)[place - len(tokens)] != target


@pytest.mark.parametrize(("hops", "length"), [(1, 7), (2, 11)])
def test_without_the_value_that_begins_it_a_chain_tells_nothing(hops: int, length: int) -> None:
    check_nothing_else_tells(Variables("decoder", values=2, hops=hops, queries=1, length=length))


def test_hops_are_uniform_and_tied_to_nothing() -> None:
    task = Variables("decoder")
    batch = task.sample(seeded(4), 6000, task.length, "train")
    assert batch.stratum is not None
    hops = batch.stratum[batch.scored]
    assert chisquare(hops.bincount(minlength=task.hops)).pvalue > RARE
    assert not tied(hops, batch.targets[batch.scored])
    assert not tied(hops, batch.dependency_length[batch.scored])


def test_the_chain_that_is_asked_for_is_any_of_them() -> None:
    """Its value is the first, the second and so on of those that begin a chain, each as often."""
    task = Variables("decoder")
    batch = task.sample(seeded(7), 4000, task.length, "train")
    turns = []
    for tokens, place, _, source in rows(batch):
        if place == task.length - 1:
            begins = [start for start, right, _ in statements(task, tokens) if right < task.values]
            turns.append(begins.index(min(source)))
    assert chisquare(torch.tensor(turns).bincount()).pvalue > RARE


def test_the_ladder_climbs_by_root_two_where_chains_fit() -> None:
    task = Variables("decoder")
    assert task.distances(48) == [6, 12, 24, 34]
    assert task.distances(96) == [6, 12, 24, 34, 48, 68]
    assert Variables("decoder", hops=1).distances(48) == [4, 8, 16, 23, 32, 45]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 20}, "20 tokens is too short for 2 queries and 4 chains of 2 statements"),
        ({"evaluation_lengths": (9, 48)}, "9 tokens is too short"),
        ({"values": 1, "queries": 1}, "two values or more"),
        ({"hops": 0}, "one hop or more"),
        ({"queries": 5}, "no more than values"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Variables("decoder", **parameters)  # type: ignore[arg-type]
