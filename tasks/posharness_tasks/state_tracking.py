"""State tracking with resets: the product of all group elements since the last reset."""

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
    """Multiply up the elements of a group since the last reset "R"; at "?" the product is asked for.

    Parity (the elements are 0 and 1), mod 5, and S5 (permutations of five things; here abc means: first a,
    then b, then c):

        tokens    1 R 0 1 R 1 0 1 1 0 ? 0 1        tokens    3 R 2 R 4 3 3 ? 1        tokens    c R a b c ?
        answer    1                                answer    0                        answer    abc

    Every element since the reset changes the product, and so does the reset's place: there is no single
    source, but a *span*, from the last reset to the emitting position, drawn from a ladder that climbs
    from 2 by factors of √2. Before the reset stand elements, and another reset where the one or the other
    is as likely as any element. The question stands at a place drawn from the last quarter, which every
    span fits. All elements are drawn independently and uniformly, so that each answer is equally likely,
    and nothing tells it that does not take in the whole span. The first span holds one element, which
    counts of tokens can guess a little better than chance.

    A negative control (`control`): transformers of fixed depth stay near chance over all but short
    spans, whatever the encoding (2207.02098); S5 is complete for NC1, beyond their expressive power if, as
    is believed, TC0 is smaller (2404.08819).

    Args:
        group: parity (2 elements), mod5 (5) or s5 (120).

    Token ids are the elements, the reset and the question. Those of S5 are permutations in lexical order.
    """

    name = "state_tracking"
    summary = "The product of group elements since the last reset: a negative control"
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
                f"state_tracking: a sequence of {shortest} tokens has no room for a reset, an element and a "
                "question; give lengths of 4 or more"
            )
        self.group = group
        self.product, self.identity = _multiplication(group)
        elements = len(self.product)
        self.elements = elements
        self.reset, self.question = elements, elements + 1
        self.vocabulary = elements + 2
        self.objectives = (Objective(group, classes=elements, chance=1 / elements),)

    def distances(self, length: int) -> list[int]:
        """The ladder of spans that sequences of `length` tokens have room for."""
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
        """The product of each row, from left to right, neighbours first: log2 of the length rounds."""
        while elements.shape[1] > 1:
            if elements.shape[1] % 2:
                elements = torch.nn.functional.pad(elements, (0, 1), value=self.identity)
            elements = self.product[elements[:, ::2], elements[:, 1::2]]
        return elements


def _multiplication(group: str) -> tuple[Int[Tensor, "e e"], int]:
    """The table of products, first · then, and the identity.

    Raises:
        UserError: there is no such group.
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
    raise UserError(f"state_tracking[group={group}]: give parity, mod5 or s5")
