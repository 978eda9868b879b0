"""Agreement measures what it says: the subject tells the verb, at distances drawn alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posharness.contracts import Batch, Body, UserError
from posharness_tasks.agreement.english import ENGLISH
from posharness_tasks.agreement.task import Agreement

from .blind import check_nothing_else_tells
from .interventions import check_necessary, check_sufficient, seeded, tied

CLASS = {word: name for name, words in ENGLISH.classes.items() for word in words}


def read(tokens: list[int]) -> list[str]:
    return [ENGLISH.words[token] for token in tokens]


def subject(words: list[str]) -> int:
    """The first noun of the sentence that the slot stands in."""
    place = words.index("___")
    while CLASS[words[place - 1]] not in ("stop", "aside"):
        place -= 1
    assert words[place] == "the"
    return place + 1


def solve(task: Agreement, batch: Batch) -> Tensor:
    """Find the head of the sentence, and look at its ending: by hand, from words alone."""
    found = torch.full_like(batch.tokens, -1)
    for row, tokens in enumerate(batch.tokens.tolist()):
        words = read(tokens)
        found[row, words.index("___")] = int(words[subject(words)].endswith("s"))
    return found


def modifiers(words: list[str]) -> list[str]:
    """The kinds of the phrases between subject and slot; words that are none are an error."""
    kinds = [CLASS[word] for word in words]
    grammar = {
        "P": ["preposition", "the", "noun"],
        "O": ["that", "the", "noun", "saw"],
        "S": ["that", "saw", "the", "noun"],
        "A": ["preposition", "adjective", "place"],
        "L": ["preposition", "place"],
    }
    found = []
    while kinds:
        name, phrase = next((n, p) for n, p in grammar.items() if kinds[: len(p)] == p)
        found.append(name)
        kinds = kinds[len(phrase) :]
    return found


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Agreement, Batch, int]:
    body: Body = draw(st.sampled_from(Agreement.bodies))
    task = Agreement(body, length=draw(st.integers(9, 90)))
    seed = draw(st.integers(0, 2**31))
    length = draw(st.sampled_from(task.evaluation_lengths[:2]))
    return task, task.sample(seeded(seed), 5, length, "train"), seed


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_every_sequence_is_a_sentence_of_the_fragment_after_others(
    case: tuple[Agreement, Batch, int],
) -> None:
    task, batch, _ = case
    assert batch.stratum is not None
    for tokens, scored, stratum in zip(
        batch.tokens.tolist(), batch.scored.tolist(), batch.stratum, strict=True
    ):
        words = read(tokens)
        slot = words.index("___")
        assert scored == [word == "___" for word in words]
        assert slot >= len(words) - max(1, len(words) // 8)
        head = subject(words)
        kinds = modifiers(words[head + 1 : slot])
        nouns = [word for word in words[head + 1 : slot] if CLASS[word] == "noun"]
        assert len(nouns) == min(3, (slot - head - 1) // 3) == sum(kind in "POS" for kind in kinds)
        unlike = sum(noun.endswith("s") != words[head].endswith("s") for noun in nouns)
        assert task.strata[int(stratum[slot])].startswith(f"{unlike} ")
        before = [CLASS[word] for word in words[: head - 1]]
        sentence = ["the", "noun", "slept", "stop"]
        while before:
            taken = 1 if before[0] == "aside" else 4
            assert before[:taken] in (["aside"], sentence)
            before = before[taken:]
        after = [CLASS[word] for word in words[slot + 1 :]]
        assert after == ["adjective", "stop", *["aside"] * len(after)][: len(after)]


@settings(max_examples=40, deadline=None)
@given(drawn())
def test_the_source_is_sufficient_and_necessary(case: tuple[Agreement, Batch, int]) -> None:
    """Every other word may be any word of its class, nouns of any number."""
    task, batch, seed = case
    generator = seeded(seed + 1)

    def others(task: Agreement, batch: Batch, position: Tensor) -> Tensor:
        tokens = batch.tokens.clone()
        for name, words in ENGLISH.classes.items():
            first = ENGLISH.first(name)
            drawn = ENGLISH.draw(generator, name, *tokens.shape)
            tokens = torch.where((tokens >= first) & (tokens < first + len(words)), drawn, tokens)
        return tokens

    check_sufficient(task, batch, solve, others)
    first = ENGLISH.first("noun")
    check_necessary(task, batch, solve, lambda task, token, _: first + (token - first ^ 1))


def test_attractors_are_uniform_and_no_other_noun_knows_the_answer() -> None:
    task = Agreement("decoder")
    batch = task.sample(seeded(5), 12000, task.length, "train")
    assert batch.stratum is not None
    target, distance = batch.targets[batch.scored], batch.dependency_length[batch.scored]
    attractors = batch.stratum[batch.scored]
    for rung in task.distances(task.length):
        at = distance == rung
        shares = attractors[at].bincount().float() / int(at.sum())
        assert len(shares) == 1 + min(3, (rung - 1) // 3)
        assert float((shares - 1 / len(shares)).abs().max()) < 0.06
    assert not tied(attractors, target)

    first = ENGLISH.first("noun")
    noun = (batch.tokens >= first) & (batch.tokens < first + len(ENGLISH.classes["noun"]))
    number = torch.where(noun, (batch.tokens - first) % 2, 2)
    column = torch.arange(task.length)
    slot = batch.scored.nonzero()[:, 1:]
    head = slot - distance[:, None]
    between = noun & (column > head) & (column < slot)
    last = torch.where(between, column, -1).amax(1)
    assert not tied(number[torch.arange(len(last)), last][last >= 0], target[last >= 0])
    plurals = (between & (number == 1)).sum(1)
    assert not tied(plurals, target)
    others = noun & (column != head)
    assert not tied((others & (number == 1)).sum(1) * 2 - others.sum(1), target)


def test_without_the_subject_its_number_is_told_by_nothing() -> None:
    """The classes of all words, and the numbers of all other nouns, are known."""
    first, last = ENGLISH.first("noun"), ENGLISH.first("preposition")
    names = torch.tensor([list(ENGLISH.classes).index(CLASS[word]) for word in ENGLISH.words])

    def number(tokens: Tensor) -> Tensor:
        noun = (tokens >= first) & (tokens < last)
        known = torch.where(noun, -2 - (tokens - first) % 2, names[tokens.clamp(min=0)])
        return known.where(tokens >= 0, -1)

    for length in (9, 16):
        check_nothing_else_tells(Agreement("decoder", length=length), view=number)


def test_the_ladder_leaves_out_what_no_phrase_fits() -> None:
    task = Agreement("decoder")
    assert task.distances(48) == [1, 3, 4, 6, 8, 12, 17, 24, 34]
    assert task.distances(9) == [1, 3]


def test_a_sequence_without_room_for_a_sentence_is_refused() -> None:
    with pytest.raises(UserError, match="6 tokens is too short for a sentence before the subject"):
        Agreement("decoder", evaluation_lengths=(6, 48))
