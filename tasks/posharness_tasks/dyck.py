"""The task dyck: close the innermost open bracket."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch


class Dyck(Task):
    """Predict the type of the bracket that closes the innermost open one.

    With k = 2 types, and a mark ">" where one is needed to make up the length:

        tokens    ( ) [ ] [ [ ] ( ( [ ] [ [ ] [ ]      answer at the last token   ]
                  [ ] ( ) [ ( ) ( [ [ ] ( ( ) ( ) ( )                             )
                  ( ) [ ] > [ ( ) ( ( ( ) [ [ ]                                   ]

    The source is the open bracket, and the dependency length its distance. The distance is even, since the
    brackets in between are well nested, and is drawn from distances that grow from 2 by factors of √2. The
    emitting position is always the last. The stratum is the depth: 2k or 4k open brackets.

    Types are drawn independently, except among the open brackets, where all types are equally frequent.
    Counts of opening and closing brackets show which types are open, and so give no information about the
    innermost. All the other open brackets together would, but they are farther away. At the start is a closed
    pair of each type, in random order, so that the order in which types first appear gives no information
    either.

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
        self.depths = (2 * types, 4 * types)
        if shortest < (least := self.depths[1] + 2 * types + 2):
            raise UserError(
                f"dyck: a sequence of {shortest} tokens is too short for {self.depths[1]} open brackets and "
                f"{types + 1} closed pairs; give lengths of {least} or more, or fewer types."
            )
        self.strata = tuple(f"depth {depth}" for depth in self.depths)
        self.mark = 2 * types
        self.vocabulary = 2 * types + 1
        self.objectives = (Objective("dyck", classes=types, chance=1 / types),)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths, all even, that fit a sequence of `length` tokens."""
        return [2 * rung for rung in geometric_distances(1, (length - 2 * self.types - self.depths[1]) // 2)]

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        pairs = torch.rand(n, self.types, generator=generator).argsort(1)
        start = torch.stack([pairs, self.types + pairs], -1).flatten(1)  # n 2·types
        distance = draw_distances(generator, self.distances(length), n)
        room = length - start.shape[1]
        deep = torch.randint(2, (n, 1), generator=generator)
        depth = torch.tensor(self.depths)[deep]
        opener = room - 1 - distance
        marks = (opener - depth + 1) % 2
        closed = (opener - marks - depth + 1) // 2  # pairs before the bracket that is to be closed
        before = _nested(generator, closed + depth - 1, closed, room)
        between = _nested(generator, distance // 2, distance // 2, room)
        place = torch.arange(room).expand(n, room)
        up = before.gather(1, (place - marks).clamp(min=0))
        up = torch.where(place > opener, between.gather(1, (place - opener - 1).clamp(min=0)), up)
        up = up.scatter(1, opener, True)
        open_types = self._open(generator, depth)
        tokens = torch.cat([start, self._typed(generator, up, place < marks, open_types)], 1)
        target = open_types.gather(1, depth - 1)
        last = torch.full((n, 1), length - 1)
        batch = scored_batch(
            tokens, last, targets=target, distance=distance, source=last[..., None] - distance[..., None]
        )
        return replace(batch, stratum=deep.expand(n, length).contiguous())

    def _open(self, generator: torch.Generator, depth: Int[Tensor, "n 1"]) -> Int[Tensor, "n deepest"]:
        """Draw the types of the open brackets, outermost first: equally many of each, in random order."""
        deepest = self.depths[1]
        keys = torch.rand(len(depth), deepest, generator=generator)
        return keys.masked_fill(torch.arange(deepest) >= depth, 2.0).argsort(1) % self.types

    def _typed(
        self,
        generator: torch.Generator,
        up: Bool[Tensor, "n length"],
        marked: Bool[Tensor, "n length"],
        open_types: Int[Tensor, "n deepest"],
    ) -> Int[Tensor, "n length"]:
        height = torch.where(marked, 0, torch.where(up, 1, -1)).cumsum(1)
        level = torch.where(up | marked, height, height + 1)
        types = torch.randint(self.types, up.shape, generator=generator)
        lowest = height.flip(1).cummin(1).values.flip(1)  # from here on
        inner = (level - 1).clamp(0, open_types.shape[1] - 1)
        types = torch.where(up & (lowest >= level), open_types.gather(1, inner), types)
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
