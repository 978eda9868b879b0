"""What the sequence-to-sequence tasks share: a bracketed stretch of a memory, emitted in another order."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError


class Marked(Task):
    """A memory full of words, L of them between two brackets; the decoder emits these.

    The decoder reads a start mark and what it has emitted so far (teacher forcing): L tokens, however
    long the memory is. What it emits at t = 0..L−1 is the word at s + order[t] of the memory, with s the
    position after the opening bracket.

    Across two sequences, distance is the difference of the two positions, each counted from 0 at the
    start of its own sequence: |s + order[t] − t|. Words change places by order[t] − t, so that no s gives
    all of them the same distance. s is drawn uniformly from the places where at least one word has a
    distance of `distances`, and scored are the words that have: then every distance is as likely as any
    other at every t.

    The words between the brackets all differ. The rest of the memory is filler of the same words, drawn so
    that what the memory holds says nothing about which of them stand there.

    Token ids are the classes, the memory's words where they are others, the two brackets, the start mark.

    Args:
        order: which of the L words is emitted at each t.
        words: how many there are, in the memory and as classes.
        objective: its name.
        chance: of its answers; None where words are drawn uniformly.
        foreign: whether the memory's words have token ids of their own.
    """

    bodies = ("encoder-decoder",)
    autoregressive = True

    def __init__(
        self,
        body: Body,
        *,
        length: int,
        evaluation_lengths: tuple[int, ...] | None,
        order: tuple[int, ...],
        words: int,
        objective: str,
        chance: float | None = None,
        foreign: bool = False,
    ) -> None:
        super().__init__(body)
        if not 1 <= len(order) <= words or words < 2:
            raise UserError(
                f"{self.name}: of {words} words {len(order)} cannot be marked and all differ; give two words "
                "or more, and mark one or more and no more than there are"
            )
        self.length = length
        self.evaluation_lengths = evaluation_lengths or tuple(length * factor for factor in (1, 2, 4, 8))
        self.order = order
        self.words = words
        if chance is None:
            # The word that was emitted last is in sight, and comes no second time.
            chance = (1 / words + (len(order) - 1) / (words - 1)) / len(order)
        self.objectives = (Objective(objective, classes=words, chance=chance),)
        self.first_word = words if foreign else 0
        self.opening, self.closing, self.start = range(self.first_word + words, self.first_word + words + 3)
        self.vocabulary = self.first_word + words + 3
        shifts = self._shifts()
        least = 2 + max(words, len(order) + max(shifts) - min(shifts))
        if (shortest := min(length, *self.evaluation_lengths)) < least:
            raise UserError(
                f"{self.name}: a memory of {shortest} tokens has no room for two brackets, each of {words} "
                f"words, and {len(order)} of them at the same distances; give lengths of {least} or more"
            )

    def decoder_length(self, length: int) -> int:
        return len(self.order)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that memories of `length` tokens have room for at every t."""
        shifts = self._shifts()
        return list(range(1 + max(shifts), length - len(self.order) + min(shifts)))

    def marked(self, generator: torch.Generator, n: int) -> Int[Tensor, "n l"]:
        """The words between the brackets, all different, as classes; drawn uniformly unless overridden."""
        return torch.rand(n, self.words, generator=generator).argsort(1)[:, : len(self.order)]

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distances = torch.tensor(self.distances(length))
        places = torch.unique(distances[:, None] - torch.tensor(self._shifts()))
        first = places[torch.randint(len(places), (n, 1), generator=generator)]  # n 1
        words = self.marked(generator, n)
        stretch = first + torch.arange(len(self.order))  # n L
        memory = self._filler(generator, words, first, length).scatter_(1, stretch, words) + self.first_word
        memory.scatter_(1, first - 1, self.opening).scatter_(1, stretch[:, -1:] + 1, self.closing)
        emitted = words[:, self.order]
        source = stretch[:, self.order]
        distance = (source - torch.arange(len(self.order))).abs()
        scored = torch.isin(distance, distances)
        return Batch(
            tokens=torch.cat([torch.full((n, 1), self.start), emitted[:, :-1]], 1),
            targets=emitted,
            scored=scored,
            dependency_length=distance.where(scored, -1),
            source=source.where(scored, -1)[..., None],
            memory=memory,
        )

    def _filler(
        self, generator: torch.Generator, words: Int[Tensor, "n l"], first: Int[Tensor, "n 1"], length: int
    ) -> Int[Tensor, "n length"]:
        """Random words, among them, outside of the brackets, each one that does not stand between them.

        With the words between the brackets a memory thus holds every word once, and otherwise words drawn
        without regard to them.
        """
        n, k = words.shape
        filler = torch.randint(self.words, (n, length), generator=generator)
        position = torch.arange(length)
        taken = (position >= first - 1) & (position <= first + k)
        places = torch.rand(n, length, generator=generator).masked_fill(taken, 2.0).argsort(1)
        others = torch.ones(n, self.words, dtype=torch.bool).scatter_(1, words, False).nonzero()[:, 1]
        return filler.scatter_(1, places[:, : self.words - k], others.view(n, -1))

    def _shifts(self) -> list[int]:
        """By how many places each word moves."""
        return [place - t for t, place in enumerate(self.order)]
