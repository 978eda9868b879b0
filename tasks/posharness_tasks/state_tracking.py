"""The task state_tracking: the product of all group elements since the last reset."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch


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
    All elements are independent and uniform, so every answer is equally likely, and nothing but the whole
    span gives it. The shortest span holds one element, which counts of tokens predict slightly better than
    chance.

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
        if shortest < 4:
            raise UserError(
                f"state_tracking: a sequence of {shortest} tokens is too short for a reset, an element and a "
                "question; give lengths of 4 or more."
            )
        self.group = group
        self.product, self.identity = _multiplication(group)
        elements = len(self.product)
        self.elements = elements
        self.reset, self.question = elements, elements + 1
        self.vocabulary = elements + 2
        self.objectives = (Objective(group, classes=elements, chance=1 / elements),)

    def distances(self, length: int) -> list[int]:
        """The spans that fit a sequence of `length` tokens."""
        return geometric_distances(2, length - max(1, length // 4))

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        span = draw_distances(generator, self.distances(length), n)
        question = torch.randint(length - max(1, length // 4), length, (n, 1), generator=generator)
        reset = question - span
        drawn = torch.randint(self.elements + 1, (n, length), generator=generator)
        place = torch.arange(length)
        elements = torch.randint(self.elements, (n, length), generator=generator)
        tokens = torch.where(place < reset, drawn, elements)
        tokens.scatter_(1, reset, self.reset).scatter_(1, question, self.question)
        inside = (place > reset) & (place < question)
        product = self._fold(torch.where(inside, elements, self.identity))
        nowhere = torch.full((n, 1, 1), -1)
        batch = scored_batch(tokens, question, targets=product, distance=span, source=nowhere)
        return replace(batch, source=None)

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
