"""The task selective_copy: emit the marked values of a stream, each where its slot asks for it."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import change_values, redraw_values
from posharness_tasks._naming import letters, numbers
from posharness_tasks._placing import (
    different_distances,
    geometric_distances,
    positions_before_queries,
    scored_batch,
)


class SelectiveCopy(Task):
    """Some values of a stream are marked; a slot at the end asks for the first, second, … marked value.

    With values a to c, the marker "<" after a value, three marked values and slots 1 to 3, of which two are
    used (unscored answers are "."; the bar is not a token):

        tokens    b a c < b c < a b < c b a | 2 1          c a < b b < c a a < b c c | 3 2
        answers   . . . . . . . . . . . . .   c c          . . . . . . . . . . . . .   a b

    All sequences have as many marked values. The answer of a slot is found by counting markers from the end,
    so the sources are the value, its marker, the slot and all later markers. The value is the farthest: its
    distance is the dependency length, one more than the distance of its marker. (If the marker came first, it
    would be the farthest; but who sees everything else knows that a marker is missing, and where.) Distances
    grow by factors of √2; those of one sequence are all different, and each is equally likely for each marked
    value. They are far enough apart that marked values never overlap. The slots are always the last tokens.

    All values, marked or not, are drawn independently and uniformly, whatever the distances: whoever sees
    everything but the value that is asked for is right by chance.

    After 2312.00752 (section 4.1.1), where slots are blank and values are emitted in order. That ties the
    distance to the slot: the first slot's source is always the farthest. Here the slots name the value they
    ask for, and are in any order. There, all tokens that are not copied are alike, so that a sequence holds
    hardly any values but the answers.

    Token ids: the values, the marker, the slots.
    """

    name = "selective_copy"
    summary = "Emit the marked values of a stream by their order"
    paper = "arXiv:2312.00752"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        values: int = 8,
        marked: int = 4,
        slots: int = 2,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if values < 2 or not 1 <= slots <= marked:
            raise UserError(
                f"selective_copy[values={values},marked={marked},slots={slots}]: give two values or more, "
                "one slot or more, and at least as many marked values."
            )
        self.values = values
        self.marked = marked
        self.slots = slots
        self.marker, self.slot = values, values + 1
        self.vocabulary = values + 1 + marked
        self.token_names = (*letters(values), "<", *numbers(marked))
        self.objectives = (Objective("selective copy", classes=values, chance=1 / values),)
        if len(self.distances(shortest)) < marked:
            raise UserError(
                f"selective_copy: a sequence of {shortest} tokens is too short for {slots} slots and "
                f"{marked} marked values at different distances; give longer lengths, fewer slots or fewer "
                "marked values."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
        return geometric_distances(self.slots + 1, length - self.slots, apart=self.slots + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        k = self.slots
        distance = different_distances(generator, self.distances(length), n, self.marked)
        value = positions_before_queries(distance, k, length)  # n marked
        marker = value + 1
        turn = marker.argsort(1).argsort(1)  # counted from 0
        slot = torch.arange(length - k, length).expand(n, k)
        tokens = torch.randint(self.values, (n, length), generator=generator)
        tokens.scatter_(1, marker, self.marker).scatter_(1, slot, self.slot + turn[:, :k])
        asked = value[:, :k]
        markers = marker[:, None].expand(n, k, self.marked)
        later = markers.where(markers > asked[..., None] + 1, -1)
        return scored_batch(
            tokens,
            slot,
            targets=tokens.gather(1, asked),
            distance=distance[:, :k],
            source=torch.cat([torch.stack([asked, asked + 1, slot], -1), later], -1),
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the values that are asked for, or draw all others again."""
        change = change_values if what == "source" else redraw_values
        return change(batch, generator, self.values)
