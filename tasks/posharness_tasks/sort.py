"""Sort by key: after items in disorder, emit their values in the order of their keys."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import different_rungs, emitting, haystack, ladder


class Sort(Task):
    """Values stand behind their ranks, anywhere among other values; the answer lists them by rank.

    With ranks 1, 2 and 3, values a to e and slots "_" (an answer that is not scored as "."):

        tokens    b d 2 c b 1 e a 3 a c b d | _ _ _        c e 3 b a 2 d c a 1 a d e | _ _ _
        answers   . . . . . . . . . . . . .   e c a        . . . . . . . . . . . . .   a d b

    (The bar is for the reader; it is no token.) Each rank occurs once, so that the answer of the r-th
    slot has one source: rank r and the value behind it. In the usual form, where bare items are compared,
    every item is necessary for every answer, and there is no distance to speak of. The dependency length
    is measured from the rank, and is one more than the distance of the value. It is drawn from a ladder
    that climbs by factors of √2, a different rung for each slot of a sequence and each rung as likely for
    each slot. So far apart are the rungs that items never meet. The slots are the last tokens, whatever
    the distances, and all alike: that a slot is the r-th has to be known from its position.

    Values and distances are drawn without regard to each other, the values of a sequence all different.
    Filler consists of values, and every value that no item has stands in it before the first item: so
    which values a sequence holds says nothing about the answer, nor does what is nearer than its source,
    but that the values of nearer items are others.

    Token ids are the values, then the ranks, then the slot.
    """

    name = "sort"
    summary = "Emit values in the order of the ranks that they stand behind"
    bodies = ("encoder",)

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        items: int = 3,
        values: int = 8,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        self.length = length
        self.evaluation_lengths = evaluation_lengths or (length, 2 * length, 4 * length, 8 * length)
        if not 1 <= items <= values or values < 2:
            raise UserError(
                f"sort[items={items},values={values}]: give one item or more, at least as many values, and "
                "two values or more"
            )
        self.items = items
        self.values = values
        self.slot = values + items
        self.vocabulary = values + items + 1
        self.objectives = (Objective("sort", classes=values, chance=1 / values),)
        if len(self.distances(shortest := min(length, *self.evaluation_lengths))) < items:
            raise UserError(
                f"sort: a sequence of {shortest} tokens has no room for {items} items at different "
                f"distances, their slots and each of {values} values; give longer lengths, fewer items or "
                "fewer values"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return ladder(self.items + 1, length - self.values, apart=self.items + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        k = self.items
        distance = different_rungs(generator, self.distances(length), n, k)
        values = torch.rand(n, self.values, generator=generator).argsort(1)[:, :k]
        ranks = self.values + torch.arange(k).expand(n, k)
        slot = torch.arange(length - k, length).expand(n, k)
        rank = slot - distance
        tokens = haystack(generator, values, self.values, rank.amin(1, keepdim=True), length)
        tokens.scatter_(1, rank, ranks).scatter_(1, rank + 1, values).scatter_(1, slot, self.slot)
        return emitting(
            tokens, slot, targets=values, distance=distance, source=torch.stack([rank, rank + 1], -1)
        )
