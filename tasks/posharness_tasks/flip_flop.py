"""The task flip_flop: remember one bit, skip the tokens to ignore, and read the bit back."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
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

    The bit of the last write is drawn uniformly, whatever the other tokens are: whoever sees everything but
    this write is right by chance. The bits of ignores are drawn alike. Of the other writes, a share that is
    drawn anew for each sequence has the bit 1, so that the bit that is written most often is not much better
    a guess than the other.

    There are few short sequences, so of less than about 16 tokens, training meets those of the test.

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
        if shortest < 2:
            raise UserError(
                f"flip_flop: a sequence of {shortest} tokens is too short for a write and a read; give "
                "lengths of 2 or more."
            )
        self.writes = writes
        self.write, self.read = 2, 4
        self.vocabulary = 5
        self.token_names = ("i0", "i1", "W0", "W1", "?")
        self.objectives = (Objective("flip-flop", classes=2, chance=1 / 2, class_names=("0", "1")),)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
        return geometric_distances(1, length - max(1, length // 4))

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distance = draw_distances(generator, self.distances(length), n)
        read = torch.randint(length - max(1, length // 4), length, (n, 1), generator=generator)
        last = read - distance
        bit = torch.randint(2, (n, 1), generator=generator)
        tokens = self._others(generator, last, read, length).scatter(1, last, self.write + bit)
        return scored_batch(
            tokens.scatter(1, read, self.read), read, targets=bit, distance=distance, source=last[..., None]
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Write the other bit, or draw all tokens again but the last write and the read."""
        read = batch.scored.nonzero()[:, 1:]
        last = read - batch.dependency_length.gather(1, read)
        if what == "source":
            targets = (1 - batch.targets).where(batch.scored, batch.targets)
            return replace(
                batch,
                tokens=batch.tokens.scatter(1, last, self.write + targets.gather(1, read)),
                targets=targets,
            )
        others = self._others(generator, last, read, batch.tokens.shape[1])
        position = torch.arange(batch.tokens.shape[1])
        return replace(batch, tokens=batch.tokens.where((position == last) | (position == read), others))

    def _others(
        self, generator: torch.Generator, last: Int[Tensor, "n 1"], read: Int[Tensor, "n 1"], length: int
    ) -> Int[Tensor, "n length"]:
        """Ignores, and writes except between the last write and the read."""
        n = len(last)
        ignored = torch.randint(2, (n, length), generator=generator)
        share = torch.rand(n, 1, generator=generator)
        bits = (torch.rand(n, length, generator=generator) < share).long()
        position = torch.arange(length)
        free = (position < last) | (position > read)
        written = free & (torch.rand(n, length, generator=generator) < self.writes)
        return ignored.where(~written, self.write + bits)
