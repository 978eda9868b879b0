"""Selective copy: emit the marked values of a stream, each where its turn is asked for."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import different_rungs, emitting, haystack, ladder


class SelectiveCopy(Task):
    """Some values of a stream are marked; slots at its end ask for the first, second or third of them.

    With values a to e, the marker ">" and slots 1 to 3 (an answer that is not scored as "."):

        tokens    b d > c b > e a > a c b d | 2 1 3        c e > b a > d c a > a d e | 3 1 2
        answers   . . . . . . . . . . . . .   e c a        . . . . . . . . . . . . .   a b d

    (The bar is for the reader; it is no token.) The number of marked values is always the same. So the
    answer of a slot is found by counting markers from the end, and the sources are the slot, the marker
    that it names, the value behind it and the markers that come after. The slot's own marker is the
    farthest: the dependency length is measured from it, and is one more than the distance of the value.
    It is drawn from a ladder that climbs by factors of √2, a different rung for each slot of a sequence
    and each rung as likely for each slot. So far apart are the rungs that marked values never meet. The
    slots are the last tokens, whatever the distances.

    Values and distances are drawn without regard to each other, the marked values of a sequence all
    different. The rest of the stream consists of values, and every value that is not marked stands in it
    before the first marker: so which values a sequence holds says nothing about the answer, nor does what
    is nearer than its source, but that nearer marked values are others.

    After 2312.00752 (section 4.1.1), where slots are bare and the values come out in order. That ties the
    distance to the slot: the first slot's source is always the farthest. So here the slots say which value
    they ask for, and stand in any order; and there, what is not to be copied is one token, so that a
    sequence holds hardly any values but the answers.

    Token ids are the values, then the marker, then the slots.
    """

    name = "selective_copy"
    summary = "Emit the marked values of a stream, by the order in which they came"
    paper = "arXiv:2312.00752"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        marked: int = 3,
        values: int = 8,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        self.length = length
        self.evaluation_lengths = evaluation_lengths or (length, 2 * length, 4 * length, 8 * length)
        if not 1 <= marked <= values or values < 2:
            raise UserError(
                f"selective_copy[marked={marked},values={values}]: give one marked value or more, at least "
                "as many values, and two values or more"
            )
        self.marked = marked
        self.values = values
        self.marker, self.slot = values, values + 1
        self.vocabulary = values + 1 + marked
        self.objectives = (Objective("selective copy", classes=values, chance=1 / values),)
        if len(self.distances(shortest := min(length, *self.evaluation_lengths))) < marked:
            raise UserError(
                f"selective_copy: a sequence of {shortest} tokens has no room for {marked} marked values at "
                f"different distances, their slots and each of {values} values; give longer lengths, fewer "
                "marked values or fewer values"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return ladder(self.marked + 1, length - self.values, apart=self.marked + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        k = self.marked
        distance = different_rungs(generator, self.distances(length), n, k)
        values = torch.rand(n, self.values, generator=generator).argsort(1)[:, :k]
        slot = torch.arange(length - k, length).expand(n, k)
        marker = slot - distance
        turn = marker.argsort(1).argsort(1)  # counted from 0
        tokens = haystack(generator, values, self.values, marker.amin(1, keepdim=True), length)
        tokens.scatter_(1, marker, self.marker).scatter_(1, marker + 1, values)
        tokens.scatter_(1, slot, self.slot + turn)
        markers = marker[:, None].expand(n, k, k)
        later = markers.where(markers > marker[..., None], -1)
        return emitting(
            tokens,
            slot,
            targets=values,
            distance=distance,
            source=torch.cat([torch.stack([marker, marker + 1, slot], -1), later], -1),
        )
