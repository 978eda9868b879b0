"""Offset recall: emit the symbol that stands k tokens back, where a marker says k."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError


class OffsetRecall(Task):
    """Each token is a symbol with a marker beside it; the answer is the symbol as far back as it says.

    With offsets 1, 2 and 4 (a marker is written as the offset that it stands for, an answer that is
    not scored as "."):

        tokens   a/2 c/1 b/4 a/1 d/1 b/2 c/4 d/1          a/1 b/1 c/2 d/2 b/2 c/4 a/4 d/1
        answers   .   .   .   .   .   a   b   c            .   .   .   .   .   b   c   a

    Tokens are symbols, and segment ids are markers, so that both are read at the same place but each has an
    embedding of its own.

    Markers are drawn independently and uniformly, and so is the order of the symbols, of which a sequence
    holds each as often as any other, or once less. Scored are the last tokens, where there is a source for
    every offset: so the distance is tied neither to the position nor to any symbol. By default that is three
    eighths of them, which balances two shortcuts: earlier, a decoder could guess what its few tokens hold
    twice; later, which symbols turned up last. (Who knows the offsets, but not the marker, can still guess
    among the few symbols at these offsets.) The dependency length is the offset itself. Sources are the
    symbol's position and the emitting position, whose marker is read.

    Args:
        scored: share of a sequence, at its end, that is scored. To an encoder, which sees all symbols alike
            often, more of them tell nothing either.
    """

    name = "offset_recall"
    summary = "Emit the symbol that stands k tokens back; a marker says k"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        symbols: int = 16,
        offsets: tuple[int, ...] = (1, 2, 4, 8, 12, 16),
        evaluation_lengths: tuple[int, ...] | None = None,
        scored: float = 0.375,
    ) -> None:
        super().__init__(body)
        if not 0.0 < scored < 1.0:
            raise UserError(f"offset_recall[scored={scored:g}]: give a share between 0 and 1")
        shortest = self.set_lengths(length, evaluation_lengths, factors=(1, 2))
        if symbols < 2 or not offsets or min(offsets) < 1 or len(set(offsets)) < len(offsets):
            raise UserError(
                f"offset_recall[symbols={symbols},offsets={list(offsets)}]: give two symbols or more, and "
                "offsets of 1 or more that differ from each other"
            )
        self.scored = scored
        if self._first_scored(shortest) < max(offsets):
            raise UserError(
                f"offset_recall[scored={scored:g}]: of {shortest} tokens not every one that is scored has a "
                f"symbol {max(offsets)} tokens back; give longer lengths, smaller offsets or a smaller share"
            )
        self.symbols = symbols
        self.offsets = offsets
        self.vocabulary = symbols
        self.segments = len(offsets)
        self.objectives = (Objective("recall", classes=symbols, chance=1 / symbols),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        symbols = _balanced(generator, n, length, self.symbols)
        markers = torch.randint(len(self.offsets), (n, length), generator=generator)
        distance = torch.tensor(self.offsets)[markers]
        position = torch.arange(length).expand(n, length)
        scored = position >= self._first_scored(length)
        source = (position - distance).where(scored, 0)
        return Batch(
            tokens=symbols,
            segments=markers,
            targets=symbols.gather(1, source),
            scored=scored,
            dependency_length=distance.where(scored, -1),
            source=torch.stack([source, position], -1).where(scored[..., None], -1),
        )

    def _first_scored(self, length: int) -> int:
        return length - max(1, int(self.scored * length))


def _balanced(generator: torch.Generator, n: int, length: int, symbols: int) -> Int[Tensor, "n length"]:
    """Symbols in random order, each as often as the others; where that cannot be, random ones once more."""
    more = torch.rand(n, symbols, generator=generator).argsort(1)  # n symbols
    rounds = -(-length // symbols)
    stock = more.repeat(1, rounds)[:, :length]
    return stock.gather(1, torch.rand(n, length, generator=generator).argsort(1))
