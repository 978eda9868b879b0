"""The task state_tracking: the product of all group elements since the last reset."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import another
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch
from posharness_tasks._splitting import drawn_in

_SHORTEST = 10
"""Tokens of sequences of which there are enough, of every span and answer, for training and test."""


class StateTracking(Task):
    """At the question "?", emit the product of the group elements since the last reset "R".

    For parity (elements 0 and 1), mod 5, and S5 (permutations of five things; here abc means first a, then b,
    then c):

        tokens    1 R 0 1 R 1 0 1 1 0 ? 0 1        tokens    3 R 2 R 4 3 3 ? 1        tokens    c R a b c ?
        answer    1                                answer    0                        answer    abc

    Every element since the reset changes the product, and so does the position of the reset, so there is no
    single source. The dependency length is a *span*, from the last reset to the emitting position, drawn from
    spans that grow from 2 by factors of √2. Before the reset are elements and further resets, each equally
    likely at each position. The question's position is drawn from the last quarter, which every span fits.
    All elements are independent and uniform, so without any one of those since the reset every answer is
    equally likely: blind accuracy is chance. Training, validation and test share no sequence: half of all
    sequences are for training, a quarter for validation, a quarter for test.

    A negative control (`control`): transformers of fixed depth stay near chance except on short spans,
    whatever the encoding (2207.02098). S5 is complete for NC1, which is beyond their expressive power if, as
    is believed, TC0 is smaller (2404.08819).

    Args:
        group: parity (2 elements), mod5 (5) or s5 (120).

    Token ids: the elements, the reset, the question. The elements of S5 are permutations in lexical order.
    """

    name = "state_tracking"
    summary = "Multiply group elements since the last reset: a negative control"
    paper = "arXiv:2207.02098"
    bodies = ("decoder",)
    distance = "span"
    control = True

    def __init__(
        self,
        body: Body,
        *,
        group: Literal["parity", "mod5", "s5"] = "parity",
        length: int = 32,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if shortest < _SHORTEST:
            raise UserError(
                f"state_tracking: there are too few sequences of {shortest} tokens for three splits; give "
                f"lengths of {_SHORTEST} or more."
            )
        self.group = group
        self.product, self.identity = _multiplication(group)
        self.quotient = self.product.argsort(0)  # the first factor, given the product and the second
        elements = len(self.product)
        self.elements = elements
        self.reset, self.question = elements, elements + 1
        self.vocabulary = elements + 2
        self.token_names = (*_element_names(group, elements), "R", "?")
        self.objectives = (Objective(group, classes=elements, chance=1 / elements),)

    def distances(self, length: int) -> list[int]:
        """The spans that fit a sequence of `length` tokens."""
        return geometric_distances(2, length - max(1, length // 4))

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        span = draw_distances(generator, self.distances(length), n)
        question = torch.randint(length - max(1, length // 4), length, (n, 1), generator=generator)
        product = torch.randint(self.elements, (n, 1), generator=generator)

        def sequences(rows: Int[Tensor, " k"]) -> tuple[Int[Tensor, "k length"], Int[Tensor, "k length"]]:
            tokens = self._sequences(generator, product[rows], question[rows], span[rows], length)
            return tokens, tokens + 1

        tokens = drawn_in(split, n, sequences)
        nowhere = torch.full((n, 1, 1), -1)
        batch = scored_batch(tokens, question, targets=product, distance=span, source=nowhere)
        return replace(batch, source=None)

    def _sequences(
        self,
        generator: torch.Generator,
        product: Int[Tensor, "n 1"],
        question: Int[Tensor, "n 1"],
        span: Int[Tensor, "n 1"],
        length: int,
    ) -> Int[Tensor, "n length"]:
        """Sequences whose elements since the last reset have the given product."""
        reset = question - span
        place = torch.arange(length)
        tokens = torch.randint(self.elements, (len(reset), length), generator=generator)
        tokens = torch.where(place < reset, self._before(generator, tokens.shape), tokens)
        later = self._fold(tokens.where((place > reset + 1) & (place < question), self.identity))
        tokens.scatter_(1, reset, self.reset).scatter_(1, reset + 1, self.quotient[product, later])
        return tokens.scatter_(1, question, self.question)

    def _before(self, generator: torch.Generator, shape: torch.Size) -> Int[Tensor, "n length"]:
        """What may stand before the last reset."""
        return torch.randint(self.elements + 1, shape, generator=generator)

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the first element after the last reset, or draw what is before the reset again."""
        question = batch.scored.nonzero()[:, 1:]
        reset = question - batch.dependency_length.gather(1, question)
        place = torch.arange(batch.tokens.shape[1])
        if what == "others":
            drawn = self._before(generator, batch.tokens.shape)
            return replace(batch, tokens=drawn.where(place < reset, batch.tokens))
        first = batch.tokens.gather(1, reset + 1)
        tokens = batch.tokens.scatter(1, reset + 1, another(generator, first, self.elements))
        product = self._fold(tokens.where((place > reset) & (place < question), self.identity))
        return replace(batch, tokens=tokens, targets=batch.targets.scatter(1, question, product))

    def _fold(self, elements: Int[Tensor, "n length"]) -> Int[Tensor, "n 1"]:
        """The product of each row, from left to right, by multiplying neighbours in log2(length) rounds."""
        while elements.shape[1] > 1:
            if elements.shape[1] % 2:
                elements = torch.nn.functional.pad(elements, (0, 1), value=self.identity)
            elements = self.product[elements[:, ::2], elements[:, 1::2]]
        return elements


def _multiplication(group: str) -> tuple[Int[Tensor, "e e"], int]:
    """The multiplication table, table[first, second], and the identity.

    Raises:
        UserError: there is no group of that name.
    """
    if group == "parity":
        return (torch.arange(2)[:, None] + torch.arange(2)) % 2, 0
    if group == "mod5":
        return (torch.arange(5)[:, None] + torch.arange(5)) % 5, 0
    if group == "s5":
        elements = torch.tensor(list(permutations(range(5))))  # 120 5
        # First p, then q, takes i to q[p[i]].
        products = elements[:, elements].permute(1, 0, 2)  # p q i
        index = (elements * 5 ** torch.arange(5)).sum(1)
        number = torch.zeros(5**5, dtype=torch.long).scatter_(0, index, torch.arange(len(elements)))
        return number[(products * 5 ** torch.arange(5)).sum(2)], 0
    raise UserError(f"state_tracking[group={group}]: give parity, mod5 or s5.")


def _element_names(group: str, elements: int) -> tuple[str, ...]:
    """The names of the elements: numbers, or for S5 what takes the places of abcde."""
    if group == "s5":
        return tuple("".join(order) for order in permutations("abcde"))
    return tuple(map(str, range(elements)))
