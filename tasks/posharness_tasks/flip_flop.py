"""The task flip_flop: remember one bit, skip the tokens to ignore, and read the bit back."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch


class FlipFlop(Task):
    """At the read "?", emit the bit of the last write before it.

    With writes W0 and W1, ignores i0 and i1, and the read "?" (unscored answers are "."):

        tokens    W1 W0 i0 W0 W1 i0 i1 i0 ? W0 i1          W0 W1 W1 i1 i1 W0 i0 i1 i1 ? i0
        answers   .  .  .  .  .  .  .  .  1 .  .           .  .  .  .  .  .  .  .  .  0 .

    The source is the last write before the read, and the dependency length its distance, drawn from distances
    that grow from 1 by factors of √2. The read's position is drawn from the last quarter, which every
    distance fits. There is only one read, so no other read can pass the answer on. Between the write and the
    read are only ignores; elsewhere each token is a write with probability `writes`.

    Bits are uniform and independent of distance and position, except in three writes: the first two tokens
    write one of each bit in random order, and another write before the last one has the opposite bit. So
    neither counts of tokens nor the order in which they first appear give the answer.

    In 2306.00946 (section 3), instruction and bit are two tokens, a sequence has many reads, and the model
    sees the bit that was read. Here it does not, because that bit would be a second, nearer source.

    Token ids: 2 · instruction + bit for ignores and writes, then the read.
    """

    name = "flip_flop"
    summary = "Read back the last written bit, past tokens to ignore"
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
            raise UserError(f"flip_flop[writes={writes}]: give a probability from 0 to 1.")
        if shortest < 6:
            raise UserError(
                f"flip_flop: a sequence of {shortest} tokens is too short for four writes and a read; give "
                "lengths of 6 or more."
            )
        self.writes = writes
        self.write, self.read = 2, 4
        self.vocabulary = 5
        self.objectives = (Objective("flip-flop", classes=2, chance=1 / 2),)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
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
