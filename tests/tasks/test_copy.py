"""Copy measures what it says: each symbol has a source of its own, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.copy import Copy

from .blind import check_nothing_else_tells
from .interventions import RARE, seeded


def solve(task: Copy, tokens: Tensor, position: int) -> int:
    """Count the tokens since the separator, and as many in the payload: by hand, from tokens alone.

    Where the payload is, the closing bracket shows; with `varied`, the opening one.
    """
    sequence = tokens.tolist()
    since = position - sequence.index(task.separator)
    if task.varied:
        return int(sequence[sequence.index(task.opening) + 1 + since])
    return int(sequence[sequence.index(task.closing) - task.payload + since])


def predictions(batch: Batch) -> list[tuple[int, int]]:
    return [(b, i) for b, i in batch.scored.nonzero().tolist()]


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Copy, Batch, int]:
    payload = draw(st.integers(1, 7))
    symbols = draw(st.integers(2, 9))
    length = draw(st.integers(2 * payload + 2, 41))
    task = Copy("decoder", length=length, payload=payload, symbols=symbols)
    seed = draw(st.integers(0, 2**31))
    return task, task.sample(seeded(seed), 5, draw(st.sampled_from(task.evaluation_lengths)), "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_laid_out_as_documented(case: tuple[Copy, Batch, int]) -> None:
    task, batch, _ = case
    length = batch.tokens.shape[1]
    for tokens, targets, scored, distance in zip(
        batch.tokens.tolist(), batch.targets, batch.scored, batch.dependency_length, strict=True
    ):
        payload = targets[scored].tolist()
        apart = int(distance[-1])
        assert tokens[-task.payload :] == [task.separator, *payload[:-1]]
        before, after = tokens.index(task.opening), tokens.index(task.closing)
        assert after == length - apart
        assert tokens[before + 1 : after] == payload
        filler = tokens[:before] + tokens[after + 1 : -task.payload]
        assert all(token < task.symbols for token in filler)
        assert apart in task.distances(length)


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_sources_are_sufficient_and_the_farthest_is_necessary(case: tuple[Copy, Batch, int]) -> None:
    task, batch, seed = case
    assert batch.source is not None
    generator = seeded(seed + 1)
    for b, i in predictions(batch)[:20]:
        source = int(batch.source[b, i, 0])
        tokens = batch.tokens[b]
        others = torch.randint(task.symbols, tokens.shape, generator=generator)
        others[batch.source[b, i]] = tokens[batch.source[b, i]]
        others[-task.payload] = task.separator
        assert solve(task, others, i) == batch.targets[b, i]
        changed = tokens.clone()
        shift = int(torch.randint(1, task.symbols, (), generator=generator))
        changed[source] = (changed[source] + shift) % task.symbols
        assert solve(task, changed, i) != batch.targets[b, i]


@pytest.mark.parametrize("length", [48, 96])
def test_distances_are_uniform_and_tied_neither_to_position_nor_to_target(length: int) -> None:
    task = Copy("decoder")
    batch = task.sample(seeded(0), 5000, length, "train")
    ladder = torch.tensor(task.distances(length))
    which = (batch.dependency_length[batch.scored][:, None] == ladder).nonzero()[:, 1]
    first = which[:: task.payload]  # one draw for each sequence
    assert chisquare(first.bincount()).pvalue > RARE
    position = batch.scored.nonzero()[:, 1]
    assert torch.equal(
        position.view(-1, task.payload).unique(dim=0)[0], torch.arange(length)[-task.payload :]
    )
    table = torch.zeros(len(ladder), task.symbols, dtype=torch.long)
    table.index_put_((which, batch.targets[batch.scored]), torch.ones_like(which), accumulate=True)
    assert chi2_contingency(table.numpy()).pvalue > RARE


def test_the_ladder_climbs_by_root_two_as_far_as_there_is_room() -> None:
    task = Copy("decoder")
    assert task.distances(48) == [9, 13, 18, 25, 36]
    assert task.distances(96) == [9, 13, 18, 25, 36, 51, 72]
    assert Copy("decoder", length=8, payload=3, symbols=3).distances(8) == [4]
    assert Copy("decoder", length=7, payload=1, symbols=2).distances(7) == [2, 3, 4]


def test_neither_the_symbols_in_sight_nor_those_emitted_tell_the_next_one() -> None:
    for length in (8, 10):
        check_nothing_else_tells(Copy("decoder", length=length, payload=2, symbols=2))
    check_nothing_else_tells(Copy("decoder", length=7, payload=3, symbols=2, varied=True))


@pytest.mark.parametrize("varied", [False, True])
def test_a_changed_payload_is_shown_as_emitted(varied: bool) -> None:
    task = Copy("decoder", length=34, payload=8, varied=varied)
    batch = task.sample(seeded(3), 200, 34, "test")
    for what in ("source",) if varied else ("source", "others"):
        changed = task.intervene(batch, seeded(4), what)
        assert changed is not None
        for b, i in predictions(changed):
            assert solve(task, changed.tokens[b], i) == changed.targets[b, i]
            if i + 1 < 34 and changed.scored[b, i + 1]:
                assert changed.tokens[b, i + 1] == changed.targets[b, i]


def test_blanks_are_not_drawn_again() -> None:
    task = Copy("decoder", varied=True)
    assert task.intervene(task.sample(seeded(0), 3, 48, "test"), seeded(1), "others") is None


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 17}, "17 tokens is too short for a payload of 8, twice, and two brackets.*18 or more"),
        ({"length": 16, "varied": True}, "16 tokens is too short for a payload of 8, twice.*17 or more"),
        ({"evaluation_lengths": (9, 48)}, "9 tokens is too short"),
        ({"symbols": 1}, "two symbols or more"),
        ({"payload": 0}, "payload of one or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Copy("decoder", **parameters)  # type: ignore[arg-type]


@st.composite
def drawn_varied(draw: st.DrawFn) -> tuple[Copy, Batch, int]:
    payload = draw(st.integers(1, 7))
    length = draw(st.integers(2 * payload + 1, 41))
    task = Copy("decoder", length=length, payload=payload, symbols=draw(st.integers(2, 7)), varied=True)
    seed = draw(st.integers(0, 2**31))
    return task, task.sample(seeded(seed), 5, draw(st.sampled_from(task.evaluation_lengths)), "test"), seed


@settings(max_examples=60, deadline=None)
@given(drawn_varied())
def test_varied_payloads_are_copied_without_a_gap(case: tuple[Copy, Batch, int]) -> None:
    task, batch, seed = case
    length = batch.tokens.shape[1]
    assert batch.source is not None
    for b, tokens in enumerate(batch.tokens.tolist()):
        payload = batch.targets[b, batch.scored[b]].tolist()
        assert len(payload) in task.distances(length)
        block = [task.opening, *payload, task.separator, *payload[:-1]]
        before = tokens.index(task.opening)
        after = length - before - len(block)
        assert tokens == [task.blank] * before + block + [task.blank] * after
    generator = seeded(seed + 1)
    for b, i in predictions(batch):
        source = int(batch.source[b, i, 0])
        assert solve(task, batch.tokens[b], i) == batch.targets[b, i]
        assert i - source == batch.dependency_length[b, i] == batch.scored[b].sum()
        changed = torch.randint(task.symbols, (length,), generator=generator)
        changed = torch.where(batch.tokens[b] < task.symbols, changed, batch.tokens[b])
        changed[source] = (batch.tokens[b, source] + 1) % task.symbols
        assert solve(task, changed, i) == changed[source]
    assert (batch.dependency_length[~batch.scored] == -1).all()
    assert (batch.source[~batch.scored] == -1).all()


def test_varied_payloads_grow_with_the_length_and_stand_anywhere() -> None:
    task = Copy("decoder", length=34, payload=16, varied=True)
    assert task.evaluation_lengths == (34, 68)
    assert task.distances(34) == list(range(1, 17))
    assert task.distances(68) == [32]
    batch = task.sample(seeded(0), 8000, 34, "train")
    payload = batch.scored.sum(1)
    assert chisquare((payload - 1).bincount(minlength=16)).pvalue > RARE
    shortest = batch.tokens[payload == 1]
    assert chisquare((shortest == task.opening).nonzero()[:, 1].bincount(minlength=32)).pvalue > RARE
    assert chisquare(batch.targets[batch.scored].bincount(minlength=16)).pvalue > RARE


def test_varied_or_not_the_generator_alone_decides_the_batch() -> None:
    plain, varied = Copy("decoder"), Copy("decoder", varied=True)
    first = varied.sample(seeded(5), 9, 96, "test")
    before = torch.random.get_rng_state()
    again = varied.sample(seeded(5), 9, 96, "test")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.tokens, again.tokens)
    assert first.scored.sum(1).tolist() == [16] * 9
    assert plain.sample(seeded(5), 9, 96, "test").scored.sum(1).tolist() == [8] * 9
