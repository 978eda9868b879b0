"""The task needle: emit the one value that a marker points at, in a haystack of values."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, geometric_distances, scored_batch


class Needle(Task):
    """At the question "?", emit the value after the marker ">".

    With values a to e (unscored answers are "."):

        tokens    d a b e > c a d b a e ? b          b d a c e d a e d > b ? a
        answers   . . . . . . . . . . . c .          . . . . . . . . . . . b .

    The sources are the marker and the value after it. The marker is the farthest: its distance from the
    question is the dependency length, one more than the distance of the value. It is drawn from distances
    that grow from 2 by factors of √2. The question's position is drawn from the last quarter, which every
    distance fits. There is only one question, so no other question can pass the answer on.

    Value, distance and position are independent. The haystack consists of values. At as many of the possible
    distances as there are values, each value occurs once, in random order, so a predictor that ignores the
    marker is right by chance.

    Token ids: the values, the marker, the question.
    """

    name = "needle"
    summary = "Find the one value that a marker points at, in a haystack of values"
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
            raise UserError(f"needle[values={values}]: give two values or more.")
        if len(self.distances(shortest)) < values:
            raise UserError(
                f"needle: a sequence of {shortest} tokens is too short for {values} values at different "
                "distances; give longer lengths or fewer values."
            )
        self.marker, self.question = values, values + 1
        self.vocabulary = values + 2
        self.objectives = (Objective("needle", classes=values, chance=1 / values),)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
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
