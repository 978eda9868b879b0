"""Flip-flop: remember one bit, ignore what must be ignored, and read it back."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch


class FlipFlop(Task):
    """Writes and ignores, each with a bit; a read asks for the bit that was written last.

    With writes W0 and W1, ignores i0 and i1, and the read "?" (an answer that is not scored as "."):

        tokens    W1 W0 i0 W0 W1 i0 i1 i0 ? W0 i1          W0 W1 W1 i1 i1 W0 i0 i1 i1 ? i0
        answers   .  .  .  .  .  .  .  .  1 .  .           .  .  .  .  .  .  .  .  .  0 .

    The source is the last write before the read, and the dependency length its distance, drawn from a
    ladder that climbs from 1 by factors of √2. The read stands at a place drawn from the last quarter,
    which every distance fits; there is only one, so that no other read can pass the answer on. Between
    write and read stand ignores alone; elsewhere each token is a write with the probability `writes`.

    Bits are drawn uniformly and without regard to distance and place, but for the first three writes: two
    at the beginning, one of each bit in random order, and one before the last with the other bit than the
    last. So neither counts of the tokens nor the order in which they first appear tell the answer.

    2306.00946 (section 3) writes instruction and bit as two tokens, has many reads in a sequence, and shows
    the model the bit that was read. Here that bit is not shown: it would be a second, nearer source.

    Token ids are the ignores, the writes and the read: 2 · instruction + bit.
    """

    name = "flip_flop"
    summary = "Read back the bit that was written last, past tokens to ignore"
    paper = "arXiv:2306.00946"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        writes: float = 0.2,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if not 0 <= writes <= 1:
            raise UserError(f"flip_flop[writes={writes}]: give a probability from 0 to 1")
        if shortest < 6:
            raise UserError(
                f"flip_flop: a sequence of {shortest} tokens has no room for four writes and a read; give "
                "lengths of 6 or more"
            )
        self.writes = writes
        self.write, self.read = 2, 4
        self.vocabulary = 5
        self.objectives = (Objective("flip-flop", classes=2, chance=1 / 2),)

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return geometric_distances(1, length - length // 4 - 3)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distance = draw_distances(generator, self.distances(length), n)
        read = torch.randint(length - length // 4, length, (n, 1), generator=generator)
        last = read - distance
        other = 2 + (torch.rand(n, 1, generator=generator) * (last - 2)).long()
        tokens = torch.randint(2, (n, length), generator=generator)
        tokens[:, 1] = 1 - tokens[:, 0]
        bit = tokens.gather(1, last)
        tokens.scatter_(1, other, 1 - bit)
        position = torch.arange(length)
        free = (position < last) | (position > read)
        written = free & (torch.rand(n, length, generator=generator) < self.writes)
        written[:, :2] = True
        written.scatter_(1, other, True).scatter_(1, last, True)
        tokens = (tokens + self.write * written).scatter(1, read, self.read)
        return scored_batch(tokens, read, targets=bit, distance=distance, source=last[..., None])
