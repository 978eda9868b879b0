"""The task copy: repeat a payload after a gap of filler."""

from __future__ import annotations

import math

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError


class Copy(Task):
    """Repeat a payload of L symbols after a gap of filler and a separator, symbol by symbol.

    With L = 3, symbols a to e, a start mark ">", a separator "|" and filler "_" (unscored answers are "."):

        tokens    _ d _ _ e > a c b | a c          e _ > b d a _ _ c | b d
        answers   . . . . . . . . . a c b          . . . . . . . . . b d a

    At the emitting positions, the decoder reads the separator and the symbols that it has already emitted
    (teacher forcing). The symbol at s + t is the answer at s + L + gap + t, so the dependency length is L +
    gap for all symbols of a sequence. It is drawn first, uniformly from distances that grow from L by factors
    of √2 as far as the length allows; filler before the payload makes up the length. The emitting positions
    are always the last L. The symbols of a payload are all different, and the other symbols are at random
    positions in the filler, once each: which symbols a sequence holds gives no information. Chance is the
    accuracy of emitting any symbol except the one that was emitted last.

    With `varied`, there is no gap, filler is on both sides, and payloads vary in length, as in studies of
    whether copying generalises to longer payloads (2305.19466): sequences of the training length have
    payloads of 1 to `payload` symbols, uniformly; sequences of r times that length have r·`payload`. The
    dependency length is the payload's length, and the payload's position is uniform. Symbols are then drawn
    independently, so the symbols in sight allow a guess slightly better than chance.

    Token ids: the symbols, filler, the start mark, the separator.
    """

    name = "copy"
    summary = "Repeat a payload after a gap of filler"
    bodies = ("decoder",)
    autoregressive = True

    def __init__(
        self,
        body: Body,
        *,
        length: int = 48,
        payload: int = 8,
        symbols: int = 16,
        varied: bool = False,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths, factors=(1, 2))
        if symbols < 2 or payload < 1:
            raise UserError(
                f"copy[symbols={symbols},payload={payload}]: give two symbols or more and a payload of one "
                "or more."
            )
        if not varied and payload > symbols:
            raise UserError(
                f"copy[symbols={symbols},payload={payload}]: the symbols of a payload all differ; give as "
                "many symbols or more."
            )
        others = 0 if varied else symbols - payload
        if shortest < (least := 2 * payload + 1 + others):
            raise UserError(
                f"copy: a sequence of {shortest} tokens is too short for a payload of {payload}, twice, a "
                f"start mark and {others} other symbols; give lengths of {least} or more, or a "
                "smaller payload."
            )
        self.payload = payload
        self.symbols = symbols
        self.varied = varied
        self.filler, self.start, self.separator = symbols, symbols + 1, symbols + 2
        self.vocabulary = symbols + 3
        chance = 1 / symbols if varied else (1 / symbols + (payload - 1) / (symbols - 1)) / payload
        self.objectives = (Objective("copy", classes=symbols, chance=chance),)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths in sequences of `length` tokens, all equally likely."""
        if self.varied:
            payload = self.payload * length // self.length
            return list(range(1 if length == self.length else payload, payload + 1))
        longest = length - self.payload - 1
        rungs = range(1 + math.floor(2 * math.log2(longest / self.payload)))
        return sorted({min(round(self.payload * 2 ** (rung / 2)), longest) for rung in rungs})

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        ladder = torch.tensor(self.distances(length))
        distance = ladder[torch.randint(len(ladder), (n, 1), generator=generator)]  # n 1
        if self.varied:
            return self._without_gap(generator, distance, length)
        symbols = torch.rand(n, self.symbols, generator=generator).argsort(1)
        payload, others = symbols[:, : self.payload], symbols[:, self.payload :]
        due = torch.arange(length - self.payload, length)  # L
        source = due - distance  # n L
        tokens = torch.full((n, length), self.filler)
        position = torch.arange(length)
        taken = (position >= source[:, :1] - 1) & (position <= source[:, -1:]) | (position >= due[0])
        places = torch.rand(n, length, generator=generator).masked_fill(taken, 2.0).argsort(1)
        tokens.scatter_(1, places[:, : others.shape[1]], others)
        tokens.scatter_(1, source, payload)
        tokens.scatter_(1, source[:, :1] - 1, self.start)
        tokens[:, due[0]] = self.separator
        tokens[:, due[1:]] = payload[:, :-1]
        scored = torch.zeros(n, length, dtype=torch.bool)
        scored[:, due] = True
        return Batch(
            tokens=tokens,
            targets=torch.zeros_like(tokens).index_copy(1, due, payload),
            scored=scored,
            dependency_length=torch.full_like(tokens, -1).index_copy(1, due, distance.expand_as(source)),
            source=torch.full_like(tokens, -1).index_copy(1, due, source)[..., None],
        )

    def _without_gap(self, generator: torch.Generator, payload: Int[Tensor, "n 1"], length: int) -> Batch:
        """Sequences that repeat `payload` symbols directly after them."""
        n = len(payload)
        room = length - 2 * payload - 1
        start = (torch.rand(n, 1, generator=generator) * (room + 1)).long()
        separator = start + payload + 1
        symbols = torch.randint(self.symbols, (n, length), generator=generator)
        position = torch.arange(length)
        scored = (position >= separator) & (position < separator + payload)
        source = (position - payload).where(scored, -1)
        tokens = symbols.where((position > start) & (position < separator), self.filler)
        targets = tokens.gather(1, source.clamp(min=0)).where(scored, 0)
        repeated = (position > separator) & scored
        tokens = torch.where(repeated, targets.roll(1, 1), tokens)
        tokens.scatter_(1, start, self.start).scatter_(1, separator, self.separator)
        return Batch(
            tokens=tokens,
            targets=targets,
            scored=scored,
            dependency_length=payload.where(scored, -1),
            source=source[..., None],
        )
