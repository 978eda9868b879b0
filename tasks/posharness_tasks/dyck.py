"""The task dyck: close the innermost open bracket."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import change_values
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch

_DEPTHS = (4, 8)
"""Numbers of open brackets."""


class Dyck(Task):
    """Predict the type of the bracket that closes the innermost open one.

    With k = 2 types, and a mark ">" where one is needed to make up the length:

        tokens    ( [ [ ] [ [ ] [ ] ( [ ( ) ]        answer at the last token   )
                  > [ ( ( ) [ ( ) [ ( ( ( ) ) )                                 ]
                  > [ ( ( ( ( [ [ [ ] [ ] [ [ ]                                 ]

    The source is the open bracket, and the dependency length its distance. To see that it is the innermost
    takes the brackets after it and none before. The distance is even, since the brackets in between are well
    nested, and is drawn from distances that grow from 2 by factors of √2. The emitting position is always the
    last. The stratum is the depth: 4 or 8 open brackets.

    The types of all pairs and of all open brackets are drawn independently and uniformly: whoever sees
    everything but the type of the innermost open bracket is right by chance.

    Shapes are drawn uniformly given the numbers of opening and closing brackets: a random order of them is
    rotated to the one place from which it never falls below its start (the cycle lemma).

    Token ids: the k opening brackets, the k closing ones, the mark.
    """

    name = "dyck"
    summary = "Close the innermost open bracket of a well-nested string"
    paper = "arXiv:2010.07515"
    bodies = ("decoder",)

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        types: int = 2,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if types < 2:
            raise UserError(f"dyck[types={types}]: give two types of brackets or more.")
        self.types = types
        if shortest < (least := max(_DEPTHS) + 2):
            raise UserError(
                f"dyck: a sequence of {shortest} tokens is too short for {max(_DEPTHS)} open brackets and a "
                f"closed pair; give lengths of {least} or more."
            )
        self.strata = tuple(f"depth {depth}" for depth in _DEPTHS)
        self.mark = 2 * types
        self.vocabulary = 2 * types + 1
        opening, closing = _brackets(types)
        self.token_names = (*opening, *closing, ">")
        self.objectives = (Objective("dyck", classes=types, chance=1 / types, class_names=closing),)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths, all even, that fit a sequence of `length` tokens."""
        return [2 * rung for rung in geometric_distances(1, (length - max(_DEPTHS)) // 2)]

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distance = draw_distances(generator, self.distances(length), n)
        deep = torch.randint(len(_DEPTHS), (n, 1), generator=generator)
        depth = torch.tensor(_DEPTHS)[deep]
        opener = length - 1 - distance
        marks = (opener - depth + 1) % 2
        closed = (opener - marks - depth + 1) // 2  # pairs before the bracket that is to be closed
        before = _nested(generator, closed + depth - 1, closed, length)
        between = _nested(generator, distance // 2, distance // 2, length)
        place = torch.arange(length).expand(n, length)
        up = before.gather(1, (place - marks).clamp(min=0))
        up = torch.where(place > opener, between.gather(1, (place - opener - 1).clamp(min=0)), up)
        up = up.scatter(1, opener, True)
        tokens = self._typed(generator, up, place < marks)
        last = torch.full((n, 1), length - 1)
        batch = scored_batch(
            tokens, last, targets=tokens.gather(1, opener), distance=distance, source=opener[..., None]
        )
        return replace(batch, stratum=deep.expand(n, length).contiguous())

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the type of the bracket that is to be closed, or draw the types of all others again."""
        if what == "source":
            return change_values(batch, generator, self.types)
        tokens = self._typed(generator, batch.tokens < self.types, batch.tokens == self.mark)
        opener = batch.tokens.shape[1] - 1 - batch.dependency_length[:, -1:]
        return replace(batch, tokens=tokens.scatter(1, opener, batch.tokens.gather(1, opener)))

    def _typed(
        self, generator: torch.Generator, up: Bool[Tensor, "n length"], marked: Bool[Tensor, "n length"]
    ) -> Int[Tensor, "n length"]:
        """Draw a type for each pair and for each bracket that stays open."""
        height = torch.where(marked, 0, torch.where(up, 1, -1)).cumsum(1)
        level = torch.where(up | marked, height, height + 1)
        types = torch.randint(self.types, up.shape, generator=generator)
        # On each level brackets open and close in turn: sorted by level, each follows its own opening one.
        order = level.argsort(dim=1, stable=True)
        turns = types.gather(1, order)
        turns = torch.where(up.gather(1, order), turns, turns.roll(1, 1))
        types = turns.gather(1, order.argsort(1))
        return torch.where(marked, self.mark, torch.where(up, types, self.types + types))


def _nested(
    generator: torch.Generator, ups: Int[Tensor, "n 1"], downs: Int[Tensor, "n 1"], width: int
) -> Bool[Tensor, "n width"]:
    """Draw where a string of ups and downs goes up; downs never exceed ups. Arbitrary past its end."""
    total = ups + 1 + downs  # one more up, which is dropped again
    place = torch.arange(width + 1)
    keys = torch.rand(len(ups), width + 1, generator=generator).masked_fill(place >= total, 2.0)
    rises = keys.argsort(1).argsort(1) <= ups
    step = torch.where(rises, 1, -1)
    start = (step.cumsum(1) - step).masked_fill(place >= total, width + 1)
    lowest = (start * (width + 2) - place).argmin(1, keepdim=True)  # the last of the lowest
    return rises.gather(1, (lowest + 1 + place[:width]) % total)


def _brackets(types: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of opening and of closing brackets, by type: ( [ { and then (3, (4 and so on."""
    pairs = [*zip("([{", ")]}", strict=True), *((f"({kind}", f"){kind}") for kind in range(3, types))]
    opening, closing = zip(*pairs[:types], strict=True)
    return opening, closing
