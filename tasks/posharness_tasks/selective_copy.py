"""The task selective_copy: emit the marked values of a stream, each where its slot asks for it."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import (
    each_value_once,
    geometric_distances,
    positions_before_queries,
    scored_batch,
)


class SelectiveCopy(Task):
    """Each value of a stream is marked once; a slot at the end asks for the first, second, … marked value.

    With values a to c, the marker ">" and slots 1 to 3, of which two are used (unscored answers are "."; the
    bar is not a token):

        tokens    b a > c b > b a > a c b a | 2 1          c a > b a > c c a > a b c | 3 2
        answers   . . . . . . . . . . . . .   b c          . . . . . . . . . . . . .   a c

    As many values are marked as there are, each once. The answer of a slot is found by counting markers from
    the end, so the sources are the slot, the marker that it names, the value after that marker, and all later
    markers. The named marker is the farthest: its distance is the dependency length, one more than the
    distance of the value. Distances grow by factors of √2; those of one sequence are all different, and each
    is equally likely for each marked value. They are far enough apart that marked values never overlap. The
    slots are always the last tokens.

    Values and distances are independent, so a predictor that ignores the order is right by chance. The rest
    of the stream consists of independent values.

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
        values: int = 4,
        slots: int = 2,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if values < 2 or not 1 <= slots <= values:
            raise UserError(
                f"selective_copy[values={values},slots={slots}]: give two values or more, and one slot or "
                "more, but no more than values."
            )
        self.values = values
        self.slots = slots
        self.marker, self.slot = values, values + 1
        self.vocabulary = values + 1 + values
        self.objectives = (Objective("selective copy", classes=values, chance=1 / values),)
        if len(self.distances(shortest)) < values:
            raise UserError(
                f"selective_copy: a sequence of {shortest} tokens is too short for {slots} slots and "
                f"{values} marked values at different distances; give longer lengths, fewer "
                "slots or fewer values."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
        return geometric_distances(self.slots + 1, length - self.slots, apart=self.slots + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        k = self.slots
        distance, values = each_value_once(generator, self.distances(length), n, self.values)
        marker = positions_before_queries(distance, k, length)  # n v
        turn = marker.argsort(1).argsort(1)  # counted from 0
        tokens = torch.randint(self.values, (n, length), generator=generator)
        tokens.scatter_(1, marker, self.marker).scatter_(1, marker + 1, values)
        slot = torch.arange(length - k, length).expand(n, k)
        tokens.scatter_(1, slot, self.slot + turn[:, :k])
        asked = marker[:, :k]
        markers = marker[:, None].expand(n, k, self.values)
        later = markers.where(markers > asked[..., None], -1)
        return scored_batch(
            tokens,
            slot,
            targets=values[:, :k],
            distance=distance[:, :k],
            source=torch.cat([torch.stack([asked, asked + 1, slot], -1), later], -1),
        )
