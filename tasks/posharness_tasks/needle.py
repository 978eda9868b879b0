"""A needle in a haystack: emit the one value that a marker points at, however long ago."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, geometric_distances, scored_batch


class Needle(Task):
    """A marker before one of very many values; later, a question asks for that value.

    With values a to e, the marker ">" and the question "?" (an answer that is not scored as "."):

        tokens    d a b e > c a d b a e ? b          b d a c e d a e d > b ? a
        answers   . . . . . . . . . . . c .          . . . . . . . . . . . b .

    Sources are the marker and the value behind it. The marker is the farthest: the dependency length is
    measured from it, and is one more than the distance of the value. It is drawn from a ladder that
    climbs from 2 by factors of √2. The question stands at a place drawn from the last quarter, which
    every distance fits; there is only one, so that no other question can pass the answer on.

    Value, distance and place are drawn without regard to each other. The haystack consists of values, and
    of the places that a needle's value can have, as many as there are values hold each value once, in
    random order: so what is answered without regard to the marker is right by chance.

    Token ids are the values, then marker and question.
    """

    name = "needle"
    summary = "Emit the one value that a marker points at, in a haystack of values"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        values: int = 6,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        self.values = values
        if values < 2:
            raise UserError(f"needle[values={values}]: give two values or more")
        if len(self.distances(shortest)) < values:
            raise UserError(
                f"needle: a sequence of {shortest} tokens has no room for {values} values at different "
                "distances; give longer lengths or fewer values"
            )
        self.marker, self.question = values, values + 1
        self.vocabulary = values + 2
        self.objectives = (Objective("needle", classes=values, chance=1 / values),)

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return geometric_distances(2, length - length // 4, apart=2)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distances, values = each_value_once(generator, self.distances(length), n, self.values)
        distance, value = distances[:, :1], values[:, :1]
        question = torch.randint(length - length // 4, length, (n, 1), generator=generator)
        marker = question - distance
        tokens = torch.randint(self.values, (n, length), generator=generator)
        tokens.scatter_(1, question - distances + 1, values)
        tokens.scatter_(1, marker, self.marker).scatter_(1, question, self.question)
        return scored_batch(
            tokens, question, targets=value, distance=distance, source=torch.stack([marker, marker + 1], -1)
        )
