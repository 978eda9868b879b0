"""The base of the sequence-to-sequence tasks: the decoder emits a bracketed span of the memory, reordered."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from itertools import count
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import another
from posharness_tasks._naming import letters

__all__ = ["Seq2Seq", "SymbolSpan"]


class Seq2Seq(Task):
    """The encoder reads a memory of words with L of them in brackets; the decoder emits these L words.

    The decoder reads a start mark and the words that it has emitted so far (teacher forcing). It emits L
    words, however long the memory is: at t = 0..L−1 the word at position s + order[t] of the memory, where
    s is the position after the opening bracket.

    The dependency length is |s + order[t] − t|: the difference of the two positions, each counted from 0 at
    the start of its own sequence. Word t moves by order[t] − t, so no single s gives all words the same
    distance. s is drawn uniformly from the positions at which at least one word has a distance in
    `distances`, and exactly these words are scored. Every distance is then equally likely at every t.

    The sources are the word's position in the memory and the opening bracket, which shows where to read and
    is never farther than the word. (The closing bracket shows the same, and so may the words emitted before.)
    All words, in brackets and around them, are drawn independently: whoever sees everything but the word in
    the memory is right by chance, whatever the decoder has emitted.

    Token ids: the classes, the memory's words if they have ids of their own, the two brackets, the start
    mark.

    Args:
        order: the index of the word that is emitted at each t.
        words: number of different words in the memory, which is the number of classes.
        objective: name of the objective.
        alternatives: number of words that the grammar admits at one place, which are neighbours among the
            classes; None for all of them.
        separate_memory_ids: whether the memory's words have token ids of their own.
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
        alternatives: int | None = None,
        separate_memory_ids: bool = False,
    ) -> None:
        super().__init__(body)
        if words < 2 or not order:
            raise UserError(
                f"{self.name}: cannot put {len(order)} words of {words} different ones in brackets; give two "
                "words or more, and put one or more in brackets."
            )
        shortest = self.set_lengths(length, evaluation_lengths)
        self.order = order
        self.words = words
        self.alternatives = alternatives or words
        self.objectives = (Objective(objective, classes=words, chance=1 / self.alternatives),)
        self.first_word = words if separate_memory_ids else 0
        self.opening, self.closing, self.start = range(self.first_word + words, self.first_word + words + 3)
        self.vocabulary = self.first_word + words + 3
        names = letters(words)
        self.token_names = (*map(str.upper, names), *names) if separate_memory_ids else names
        self.token_names += ("[", "]", "|")
        if not self.distances(shortest):
            least = next(m for m in count(shortest) if self.distances(m))
            raise UserError(
                f"{self.name}: a memory of {shortest} tokens is too short for two brackets and {len(order)} "
                f"words at the same distances; give lengths of {least} or more."
            )

    def decoder_length(self, length: int) -> int:
        return len(self.order)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a memory of `length` tokens at every t."""
        shifts = self._shifts()
        return list(range(1 + max(shifts), length - len(self.order) + min(shifts)))

    def bracketed(self, generator: torch.Generator, n: int) -> Int[Tensor, "n l"]:
        """Draw the words in brackets, as classes: uniform unless overridden."""
        return torch.randint(self.words, (n, len(self.order)), generator=generator)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distances = torch.tensor(self.distances(length))
        places = torch.unique(distances[:, None] - torch.tensor(self._shifts()))
        first = places[torch.randint(len(places), (n, 1), generator=generator)]  # n 1
        words = self.bracketed(generator, n)
        span = first + torch.arange(len(self.order))  # n L
        memory = torch.randint(self.words, (n, length), generator=generator).scatter_(1, span, words)
        memory += self.first_word
        memory.scatter_(1, first - 1, self.opening).scatter_(1, span[:, -1:] + 1, self.closing)
        source = span[:, self.order]
        distance = (source - torch.arange(len(self.order))).abs()
        scored = torch.isin(distance, distances)
        sources = torch.stack([source, (first - 1).expand_as(source)], 2)
        emitted = words[:, self.order]
        return Batch(
            tokens=self._decoder(emitted),
            targets=emitted,
            scored=scored,
            dependency_length=distance.where(scored, -1),
            source=sources.where(scored[..., None], -1),
            memory=memory,
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change each scored word in the memory, or draw the words outside the brackets again."""
        assert batch.memory is not None
        assert batch.source is not None
        n, length = batch.memory.shape
        if what == "others":
            place = torch.arange(length)
            first, last = (
                (batch.memory == mark).long().argmax(1, True) for mark in (self.opening, self.closing)
            )
            outside = (place < first) | (place > last)
            drawn = self.first_word + torch.randint(self.words, (n, length), generator=generator)
            return replace(batch, memory=drawn.where(outside, batch.memory))
        kind = batch.targets - batch.targets % self.alternatives
        changed = kind + another(generator, batch.targets - kind, self.alternatives)
        words = changed.where(batch.scored, batch.targets)
        place = batch.source[..., 0].where(batch.scored, length)
        memory = torch.nn.functional.pad(batch.memory, (0, 1)).scatter(1, place, self.first_word + words)
        memory = memory[:, :length].contiguous()
        return replace(batch, tokens=self._decoder(words), targets=words, memory=memory)

    def _decoder(self, emitted: Int[Tensor, "n l"]) -> Int[Tensor, "n l"]:
        """What the decoder reads: the start mark and the words that it has emitted."""
        return torch.cat([torch.full_like(emitted[:, :1], self.start), emitted[:, :-1]], 1)

    def _shifts(self) -> list[int]:
        """The number of positions by which each word moves."""
        return [place - t for t, place in enumerate(self.order)]


class SymbolSpan(Seq2Seq):
    """L symbols in brackets, in a memory of the same symbols, all drawn independently and uniformly."""

    objective: ClassVar[str]

    def __init__(
        self,
        body: Body,
        *,
        length: int = 24,
        payload: int = 4,
        symbols: int = 12,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(
            body,
            length=length,
            evaluation_lengths=evaluation_lengths,
            order=self.order_of(payload),
            words=symbols,
            objective=self.objective,
        )

    @staticmethod
    @abstractmethod
    def order_of(payload: int) -> tuple[int, ...]:
        """The index of the symbol that is emitted at each of the L = `payload` steps."""
