"""The task sort: emit values in the order of the ranks before them."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, geometric_distances, scored_batch


class Sort(Task):
    """Items of a rank and a value are hidden among other values; the slots list the values by rank.

    With ranks 1, 2 and 3, values a to c and slots "_" (unscored answers are "."; the bar is not a token):

        tokens    b a 2 c b 1 b a 3 a c b a | _ _ _        c a 3 b a 2 c c a 1 a b c | _ _ _
        answers   . . . . . . . . . . . . .   b c a        . . . . . . . . . . . . .   a c b

    Each rank occurs once, so the answer of slot r has one source: rank r and the value after it. (Where bare
    items are compared, as usual, every item is necessary for every answer, and there is no distance.) The
    distance of the rank is the dependency length, one more than the distance of the value. Distances grow by
    factors of √2; those of one sequence are all different, and each is equally likely for each slot. They are
    far enough apart that items never overlap. The slots are always the last tokens, and all alike: only a
    slot's position shows that it is the r-th.

    There are as many items as values, and each value is in one of them; ranks, values and distances are
    independent. A predictor that ignores the rank is therefore right by chance. The filler consists of
    independent values.

    Token ids: the values, the ranks, the slot.
    """

    name = "sort"
    summary = "Emit values in the order of the ranks before them"
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
            raise UserError(f"sort[values={values}]: give two values or more.")
        self.values = values
        self.slot = 2 * values
        self.vocabulary = 2 * values + 1
        self.objectives = (Objective("sort", classes=values, chance=1 / values),)
        if len(self.distances(shortest)) < values:
            raise UserError(
                f"sort: a sequence of {shortest} tokens is too short for {values} items at different "
                "distances and their slots; give longer lengths or fewer values."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
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
