"""The task sort: emit values in the order of their ranks."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import change_values, redraw_values
from posharness_tasks._naming import letters, numbers
from posharness_tasks._placing import different_distances, geometric_distances, scored_batch


class Sort(Task):
    """Items of a value and a rank are hidden among other values; the slots list the values by rank.

    With ranks 1, 2 and 3, values a to c and slots "_" (unscored answers are "."; the bar is not a token):

        tokens    b a b 2 c b 1 b a c 3 a c | _ _ _        c a a 3 b a 2 c c a 1 a b | _ _ _
        answers   . . . . . . . . . . . . . | b b c        . . . . . . . . . . . . . | a a a

    Each rank occurs once, so the answer of slot r has two sources: rank r and the value before it. (Where
    bare items are compared, as usual, every item is necessary for every answer, and there is no distance.)
    The distance of the value is the dependency length, one more than the distance of the rank. Distances grow
    by factors of √2; those of one sequence are all different, and each is equally likely for each slot. They
    are far enough apart that items never overlap. The slots are always the last tokens, and all alike: only a
    slot's position shows that it is the r-th.

    There are as many items as values. All values, those of the filler too, are drawn independently and
    uniformly: whoever sees everything but the value of rank r is right by chance.

    Token ids: the values, the ranks, the slot.
    """

    name = "sort"
    summary = "Emit values in the order of their ranks"
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
        self.token_names = (*letters(values), *numbers(values), "_")
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
        distance = different_distances(generator, self.distances(length), n, k)
        ranks = k + torch.arange(k).expand(n, k)
        slot = torch.arange(length - k, length).expand(n, k)
        value = slot - distance
        tokens = torch.randint(k, (n, length), generator=generator)
        tokens.scatter_(1, value + 1, ranks).scatter_(1, slot, self.slot)
        return scored_batch(
            tokens,
            slot,
            targets=tokens.gather(1, value),
            distance=distance,
            source=torch.stack([value, value + 1], -1),
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the value of each rank, or draw the filler again."""
        change = change_values if what == "source" else redraw_values
        return change(batch, generator, self.values)
