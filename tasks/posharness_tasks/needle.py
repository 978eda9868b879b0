"""The task needle: emit the one value that a marker points at, in a haystack of values."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import change_values, redraw_values
from posharness_tasks._naming import letters
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch


class Needle(Task):
    """At the question "?", emit the value before the marker "<".

    With values a to e (unscored answers are "."):

        tokens    d a b e c < a d a b a e ? b          b d a c e d a e d b < ? a
        answers   . . . . . . . . . . . . c .          . . . . . . . . . . . b .

    The sources are the value and the marker after it. The value is the farthest: its distance from the
    question is the dependency length, one more than the distance of the marker. (If the marker came first, it
    would be the farthest; but who sees everything else knows that a marker is missing, and where.) The
    distance is drawn from distances that grow from 2 by factors of √2. The question's position is drawn from
    the last quarter, which every distance fits. There is only one question, so no other question can pass the
    answer on.

    The haystack consists of values. All values are drawn independently and uniformly, whatever the distance
    and the position: whoever sees everything but the value before the marker is right by chance.

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
        if shortest < 3:
            raise UserError(
                f"needle: a sequence of {shortest} tokens is too short for a value, a marker and a question; "
                "give lengths of 3 or more."
            )
        self.marker, self.question = values, values + 1
        self.vocabulary = values + 2
        self.token_names = (*letters(values), "<", "?")
        self.objectives = (Objective("needle", classes=values, chance=1 / values),)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
        return geometric_distances(2, length - max(1, length // 4))

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distance = draw_distances(generator, self.distances(length), n)
        question = torch.randint(length - max(1, length // 4), length, (n, 1), generator=generator)
        source = question - distance
        tokens = torch.randint(self.values, (n, length), generator=generator)
        value = tokens.gather(1, source)
        tokens.scatter_(1, source + 1, self.marker).scatter_(1, question, self.question)
        return scored_batch(
            tokens, question, targets=value, distance=distance, source=torch.stack([source, source + 1], -1)
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the value before the marker, or draw the haystack again."""
        change = change_values if what == "source" else redraw_values
        return change(batch, generator, self.values)
