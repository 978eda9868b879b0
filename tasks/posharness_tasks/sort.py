"""Sort by key: after items in disorder, emit their values in the order of their keys."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, geometric_distances, scored_batch


class Sort(Task):
    """Values stand behind their ranks, anywhere among other values; the answer lists them by rank.

    With ranks 1, 2 and 3, values a to c and slots "_" (an answer that is not scored as "."):

        tokens    b a 2 c b 1 b a 3 a c b a | _ _ _        c a 3 b a 2 c c a 1 a b c | _ _ _
        answers   . . . . . . . . . . . . .   b c a        . . . . . . . . . . . . .   a c b

    (The bar is for the reader; it is no token.) Each rank occurs once, so that the answer of the r-th
    slot has one source: rank r and the value behind it. In the usual form, where bare items are compared,
    every item is necessary for every answer, and there is no distance to speak of. The dependency length
    is measured from the rank, and is one more than the distance of the value. It is drawn from a ladder
    that climbs by factors of √2, a different rung for each slot of a sequence and each rung as likely for
    each slot. So far apart are the rungs that items never meet. The slots are the last tokens, whatever
    the distances, and all alike: that a slot is the r-th has to be known from its position.

    There are as many items as values, and each value stands in one of them; ranks, values and distances are
    drawn without regard to each other: so what is answered without regard to the rank is right by chance.
    Filler consists of values drawn without regard to all of these.

    Token ids are the values, then the ranks, then the slot.
    """

    name = "sort"
    summary = "Emit values in the order of the ranks that they stand behind"
    bodies = ("encoder",)

    def __init__(
        self,
        body: Body,
        *,
        length: int = 48,
        values: int = 4,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if values < 2:
            raise UserError(f"sort[values={values}]: give two values or more")
        self.values = values
        self.slot = 2 * values
        self.vocabulary = 2 * values + 1
        self.objectives = (Objective("sort", classes=values, chance=1 / values),)
        if len(self.distances(shortest)) < values:
            raise UserError(
                f"sort: a sequence of {shortest} tokens has no room for {values} items at different "
                "distances and their slots; give longer lengths or fewer values"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return geometric_distances(self.values + 1, length - self.values, apart=self.values + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        k = self.values
        distance, values = each_value_once(generator, self.distances(length), n, k)
        ranks = k + torch.arange(k).expand(n, k)
        slot = torch.arange(length - k, length).expand(n, k)
        rank = slot - distance
        tokens = torch.randint(k, (n, length), generator=generator)
        tokens.scatter_(1, rank, ranks).scatter_(1, rank + 1, values).scatter_(1, slot, self.slot)
        return scored_batch(
            tokens, slot, targets=values, distance=distance, source=torch.stack([rank, rank + 1], -1)
        )
