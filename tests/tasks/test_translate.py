"""Translation measures what it says: one original for each word, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, UserError
from posharness_tasks.translate import Translate

from .blind import check_nothing_else_tells
from .seq2seq import check_sources, seeded

DETERMINER, ADJECTIVE, NOUN, VERB = range(4)


def solve(task: Translate, batch: Batch) -> Tensor:
    """Parse the clause in brackets by the kinds of its words, and say it verb first: by hand."""
    found = torch.full_like(batch.tokens, -1)
    assert batch.memory is not None
    for row, memory in enumerate(batch.memory.tolist()):
        words = [token - task.first_word for token in memory]
        words = words[memory.index(task.opening) + 1 : memory.index(task.closing)]
        kinds = [word // task.alternatives for word in words]
        verb = kinds.index(VERB)
        subject, rest = words[:verb], words[verb + 1 :]
        stop = kinds[verb + 1 :].index(NOUN)
        found[row] = torch.tensor([words[verb], *subject[::-1], *rest[stop::-1]])
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Translate, Batch, int]:
    words = draw(st.integers(2, 7))
    task = Translate("encoder-decoder", length=draw(st.integers(15, 43)), words=words)
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_clause_is_grammatical_in_both_languages(case: tuple[Translate, Batch, int]) -> None:
    task, batch, _ = case
    assert batch.memory is not None
    for memory, targets in zip(batch.memory.tolist(), batch.targets.tolist(), strict=True):
        first = memory.index(task.opening) + 1
        clause = [(token - task.first_word) // task.alternatives for token in memory[first : first + 7]]
        assert clause == [DETERMINER, ADJECTIVE, NOUN, VERB, DETERMINER, ADJECTIVE, NOUN]
        said = [target // task.alternatives for target in targets]
        assert said == [VERB, NOUN, ADJECTIVE, DETERMINER, NOUN, ADJECTIVE, DETERMINER]


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_source_is_sufficient_and_necessary(case: tuple[Translate, Batch, int]) -> None:
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Translate, memory: Tensor) -> Tensor:
        """A word of the same kind for each word, so that the clause stays one."""
        kind = (memory - task.first_word) // task.alternatives
        word = torch.randint(task.alternatives, memory.shape, generator=generator)
        return task.first_word + task.alternatives * kind + word

    check_sources(task, batch, solve, others)


def test_without_the_original_word_its_translation_is_told_by_nothing() -> None:
    """Not by the rest of the clause, nor by what was emitted; the words around it are left out of sight."""
    task = Translate("encoder-decoder", words=2, length=15)

    def clause(tokens: Tensor) -> Tensor:
        opening, closing = ((tokens == mark).long().argmax(1, True) for mark in (task.opening, task.closing))
        place = torch.arange(tokens.shape[1])
        outside = (closing > 0) & ((place < opening) | (place > closing))
        return tokens.masked_fill(outside, -2)

    def numbered(batch: Batch, position: Tensor, answer: Tensor) -> Tensor:
        """Which of the words of its kind."""
        return answer % task.alternatives

    check_nothing_else_tells(task, view=clause, numbered=numbered)


def test_words_move_by_up_to_three_places() -> None:
    task = Translate("encoder-decoder")
    assert task.objectives[0].chance == 1 / 6
    batch = task.sample(seeded(0), 200, 32, "train")
    assert task.distances(32) == list(range(4, 22))
    whole = batch.dependency_length[batch.scored.all(1)]
    assert len(whole) > 50
    assert (whole - whole[:, 5:6]).unique(dim=0).tolist() == [[3, 1, -1, -3, 2, 0, -2]]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 14}, "14 tokens is too short for two brackets and 7 words.*15 or more"),
        ({"evaluation_lengths": (9, 32)}, "9 tokens is too short"),
        ({"words": 1}, "two words or more"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Translate("encoder-decoder", **parameters)  # type: ignore[arg-type]
