"""The task agreement: number of a verb in a fragment of English, across nouns of the other number."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch
from posharness_tasks.agreement.english import ENGLISH

_MOST_ATTRACTORS = 3
_WORDS = 4
"""Of the longest phrase."""


class Agreement(Task):
    """Predict whether the hidden verb "___" of the last long sentence is singular (0) or plural (1).

        the cat fell . the dogs that the king saw near the tree ___ old .       plural, 2 attractors
        oh the kings slept . the bird near Oslo behind the girl ___ new .       singular, 0 attractors

    The slot "___" replaces the verb in both bodies, so that it is clear which verb is asked for. The source
    is the subject, the noun at the head of the sentence, and the dependency length is its distance from the
    slot. It is drawn from 1 and from distances that grow from 3 by factors of √2. The slot's position is
    drawn from the last eighth, which every distance fits.

    Between subject and verb are prepositional phrases with a noun, relative clauses (on the object or the
    subject) with a noun, and prepositional phrases with a place, in random order. There are as many nouns as
    fit, at most three. Attractors are those of the other number. The number of attractors (the stratum) is
    drawn uniformly, and so is which nouns they are: each noun agrees with the subject as often as not, and
    all of them together give no information about it. Short distances have room for fewer nouns and so have
    fewer attractors.

    Before the last sentence are sentences with nouns of random number. All other verbs are in the past tense,
    which does not mark number; nor do determiners, adjectives and places. Whoever sees everything but the
    subject is right by chance.

    After 1611.01368 (section 3), which finds its sentences in a corpus.

    Token ids are the words of `posharness_tasks.agreement.english`.
    """

    name = "agreement"
    summary = "Predict a hidden verb's number, across up to three nouns of the other number"
    paper = "arXiv:1611.01368"
    bodies = ("decoder", "encoder")
    strata = tuple(f"{count} attractor{'s' * (count != 1)}" for count in range(_MOST_ATTRACTORS + 1))
    vocabulary = len(ENGLISH.words)
    token_names = ENGLISH.words
    objectives = (Objective("agreement", classes=2, chance=1 / 2, class_names=("singular", "plural")),)

    def __init__(
        self, body: Body, *, length: int = 48, evaluation_lengths: tuple[int, ...] | None = None
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if not self.distances(shortest):
            raise UserError(
                f"agreement: a sequence of {shortest} tokens is too short for a sentence before the subject; "
                "give lengths of 7 or more."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
        longest = self._earliest(length) - _WORDS - 1
        return [1, *geometric_distances(3, longest)] if longest > 0 else []

    def _earliest(self, length: int) -> int:
        return length - max(1, length // 8)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distance = draw_distances(generator, self.distances(length), n)
        slot = torch.randint(self._earliest(length), length, (n, 1), generator=generator)
        subject = slot - distance
        plural = torch.randint(2, (n, 1), generator=generator)
        # One more than the length: what there is no room for goes there.
        tokens = ENGLISH.draw(generator, "aside", n, length + 1)
        _lay(tokens, torch.zeros_like(slot), *_context(generator, subject - 1, length))
        phrases, sizes, attractors = _modifiers(generator, plural, distance - 1, length)
        _lay(tokens, subject + 1, phrases, sizes)
        tokens.scatter_(1, subject - 1, ENGLISH.first("the"))
        tokens.scatter_(1, subject, ENGLISH.nouns(generator, plural))
        tokens.scatter_(1, slot, ENGLISH.first("verb slot"))
        tokens.scatter_(1, slot + 1, ENGLISH.draw(generator, "adjective", n, 1))
        tokens.scatter_(1, (slot + 2).clamp(max=length), ENGLISH.first("stop"))
        batch = scored_batch(
            tokens[:, :length].contiguous(),
            slot,
            targets=plural,
            distance=distance,
            source=subject[..., None],
        )
        return replace(batch, stratum=attractors.expand(n, length).contiguous())

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Put the subject into its other number, or draw all other nouns again.

        The number of attractors changes with both.
        """
        first, kinds = ENGLISH.first("noun"), len(ENGLISH.classes["noun"])
        noun = (batch.tokens >= first) & (batch.tokens < first + kinds)
        slot = batch.scored.nonzero()[:, 1:]
        subject = slot - batch.dependency_length.gather(1, slot)
        place = torch.arange(batch.tokens.shape[1])
        plural = batch.targets.gather(1, slot)
        if what == "source":
            plural = 1 - plural
            number = first + (batch.tokens - first) // 2 * 2 + plural
            tokens = number.where(place == subject, batch.tokens)
        else:
            drawn = ENGLISH.draw(generator, "noun", *batch.tokens.shape)
            tokens = drawn.where(noun & (place != subject), batch.tokens)
        between = noun & (place > subject) & (place < slot)
        attractors = (between & ((tokens - first) % 2 != plural)).sum(1, keepdim=True)
        return replace(
            batch,
            tokens=tokens,
            targets=batch.targets.scatter(1, slot, plural),
            stratum=attractors.expand_as(tokens).contiguous(),
        )


def _lay(
    tokens: Int[Tensor, "n tokens"],
    start: Int[Tensor, "n 1"],
    phrases: Int[Tensor, "n k words"],
    sizes: Int[Tensor, "n k"],
) -> None:
    """Write phrases one after the other, of each the first words, as many as its size."""
    word = torch.arange(phrases.shape[2])
    place = (start + sizes.cumsum(1) - sizes)[..., None] + word
    nowhere = tokens.shape[1] - 1
    place = torch.where(word < sizes[..., None], place, nowhere)
    tokens.scatter_(1, place.flatten(1), phrases.flatten(1))


def _shuffled(
    generator: torch.Generator, phrases: Int[Tensor, "n k words"], sizes: Int[Tensor, "n k"]
) -> tuple[Int[Tensor, "n k words"], Int[Tensor, "n k"]]:
    order = torch.rand(sizes.shape, generator=generator).argsort(1)
    return phrases.gather(1, order[..., None].expand_as(phrases)), sizes.gather(1, order)


def _context(
    generator: torch.Generator, room: Int[Tensor, "n 1"], length: int
) -> tuple[Int[Tensor, "n k words"], Int[Tensor, "n k"]]:
    """Sentences of four words and asides of one word, in random order, `room` words in total."""
    n, most = len(room), length // _WORDS
    sentences, asides = room // _WORDS, room % _WORDS
    the = torch.full((n, most), ENGLISH.first("the"))
    stop = torch.full((n, most), ENGLISH.first("stop"))
    nouns = ENGLISH.draw(generator, "noun", n, most)
    sentence = torch.stack([the, nouns, ENGLISH.draw(generator, "slept", n, most), stop], 2)
    aside = ENGLISH.draw(generator, "aside", n, _WORDS - 1, 1).expand(-1, -1, _WORDS)
    sizes = torch.cat([_WORDS * (torch.arange(most) < sentences), 1 * (torch.arange(_WORDS - 1) < asides)], 1)
    return _shuffled(generator, torch.cat([sentence, aside], 1), sizes)


def _modifiers(
    generator: torch.Generator, plural: Int[Tensor, "n 1"], room: Int[Tensor, "n 1"], length: int
) -> tuple[Int[Tensor, "n k words"], Int[Tensor, "n k"], Int[Tensor, "n 1"]]:
    """Phrases with a noun (three or four words) and with a place (two or three), `room` words in total.

    Args:
        room: any number of words but 1.

    Returns:
        The phrases, their sizes, and how many nouns have the number that the subject does not have.
    """
    n, most = len(plural), _MOST_ATTRACTORS
    index = torch.arange(most)
    nouns = (room // 3).clamp(max=most)
    # Of what room three words for each noun leave, clauses take one word each; one word cannot stay.
    left = room - 3 * nouns
    bound = torch.minimum(nouns, left)
    clauses = (torch.rand(n, 1, generator=generator) * (bound + 1)).long()
    clauses = torch.where(
        left - clauses == 1, torch.where(clauses < bound, clauses + 1, clauses - 1), clauses
    )
    left = left - clauses

    attractors = (torch.rand(n, 1, generator=generator) * (nouns + 1)).long()
    keys = torch.rand(n, most, generator=generator).masked_fill(index >= nouns, 2.0)
    unlike = keys.argsort(1).argsort(1) < attractors
    noun = ENGLISH.nouns(generator, torch.where(unlike, 1 - plural, plural))
    the, that = (torch.full((n, most), ENGLISH.first(word)) for word in ("the", "that"))
    preposition = ENGLISH.draw(generator, "preposition", n, most)
    saw = ENGLISH.draw(generator, "saw", n, most)
    near = torch.stack([preposition, the, noun, noun], 2)
    whom = torch.stack([that, the, noun, saw], 2)
    who = torch.stack([that, saw, the, noun], 2)
    on_subject = torch.rand(n, most, 1, generator=generator) < 1 / 2
    with_noun = torch.where((index < clauses)[..., None], torch.where(on_subject, who, whom), near)
    noun_sizes = (3 + (index < clauses)) * (index < nouns)

    most = length // 2
    long = left % 2  # one phrase has an adjective, where that makes up the number
    places = (left - 3 * long) // 2 + long
    index = torch.arange(most)
    adjective = ENGLISH.draw(generator, "adjective", n, most)
    place = ENGLISH.draw(generator, "place", n, most)
    preposition = ENGLISH.draw(generator, "preposition", n, most)
    adorned = torch.stack([preposition, adjective, place, place], 2)
    plain = torch.stack([preposition, place, place, place], 2)
    with_place = torch.where((index < long)[..., None], adorned, plain)
    place_sizes = (2 + (index < long)) * (index < places)

    phrases = torch.cat([with_noun, with_place], 1)
    return *_shuffled(generator, phrases, torch.cat([noun_sizes, place_sizes], 1)), attractors
