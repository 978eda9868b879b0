"""The base of the sequence-to-sequence tasks: the decoder emits a bracketed span of the memory, reordered."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError

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

    The words in brackets are all different. The rest of the memory is filler of the same words, drawn so
    that the words which occur in the memory give no information about the words in brackets.

    Token ids: the classes, the memory's words if they have ids of their own, the two brackets, the start
    mark.

    Args:
        order: the index of the word that is emitted at each t.
        words: number of different words in the memory, which is the number of classes.
        objective: name of the objective.
        chance: chance accuracy; None if the words in brackets are drawn uniformly.
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
        chance: float | None = None,
        separate_memory_ids: bool = False,
    ) -> None:
        super().__init__(body)
        if not 1 <= len(order) <= words or words < 2:
            raise UserError(
                f"{self.name}: cannot put {len(order)} different words of {words} in brackets; give two "
                "words or more, and put between one and all of them in brackets."
            )
        shortest = self.set_lengths(length, evaluation_lengths)
        self.order = order
        self.words = words
        if chance is None:
            # The decoder sees the word that it emitted last, and no word occurs twice.
            chance = (1 / words + (len(order) - 1) / (words - 1)) / len(order)
        self.objectives = (Objective(objective, classes=words, chance=chance),)
        self.first_word = words if separate_memory_ids else 0
        self.opening, self.closing, self.start = range(self.first_word + words, self.first_word + words + 3)
        self.vocabulary = self.first_word + words + 3
        shifts = self._shifts()
        least = 2 + max(words, len(order) + max(shifts) - min(shifts))
        if shortest < least:
            raise UserError(
                f"{self.name}: a memory of {shortest} tokens is too short for two brackets, each of {words} "
                f"words, and {len(order)} words at the same distances; give lengths of {least} or more."
            )

    def decoder_length(self, length: int) -> int:
        return len(self.order)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a memory of `length` tokens at every t."""
        shifts = self._shifts()
        return list(range(1 + max(shifts), length - len(self.order) + min(shifts)))

    def bracketed(self, generator: torch.Generator, n: int) -> Int[Tensor, "n l"]:
        """Draw the words in brackets, all different, as classes; uniform unless overridden."""
        return torch.rand(n, self.words, generator=generator).argsort(1)[:, : len(self.order)]

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distances = torch.tensor(self.distances(length))
        places = torch.unique(distances[:, None] - torch.tensor(self._shifts()))
        first = places[torch.randint(len(places), (n, 1), generator=generator)]  # n 1
        words = self.bracketed(generator, n)
        span = first + torch.arange(len(self.order))  # n L
        memory = self._filler(generator, words, first, length).scatter_(1, span, words) + self.first_word
        memory.scatter_(1, first - 1, self.opening).scatter_(1, span[:, -1:] + 1, self.closing)
        emitted = words[:, self.order]
        source = span[:, self.order]
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
        """Random words, and among them, outside the brackets, each word that is not in brackets.

        Together with the words in brackets, a memory then holds every word at least once.
        """
        n, k = words.shape
        filler = torch.randint(self.words, (n, length), generator=generator)
        position = torch.arange(length)
        taken = (position >= first - 1) & (position <= first + k)
        places = torch.rand(n, length, generator=generator).masked_fill(taken, 2.0).argsort(1)
        others = torch.ones(n, self.words, dtype=torch.bool).scatter_(1, words, False).nonzero()[:, 1]
        return filler.scatter_(1, places[:, : self.words - k], others.view(n, -1))

    def _shifts(self) -> list[int]:
        """The number of positions by which each word moves."""
        return [place - t for t, place in enumerate(self.order)]


class SymbolSpan(Seq2Seq):
    """L different symbols in brackets, drawn uniformly, in a memory of the same symbols.

    The source is the symbol's position in the memory. The filler consists of the same symbols, so knowing
    which symbols a memory holds does not help: only the brackets give the answer.
    """

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
