"""The task offset_recall: emit the symbol k tokens back, where a marker gives k."""

from __future__ import annotations

from dataclasses import replace

import torch

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import another, sources_of_scored
from posharness_tasks._naming import letters


class OffsetRecall(Task):
    """Each token is a symbol with a marker that names an offset; emit the symbol that many tokens back.

    With offsets 1, 2 and 4 (a marker is shown as its offset; unscored answers are "."):

        tokens   a/2 c/1 b/4 a/1 d/1 b/2 c/4 d/1          a/1 b/1 c/2 d/2 b/2 c/4 a/4 d/1
        answers   .   .   .   .   .   a   b   c            .   .   .   .   .   b   c   a

    Symbols are the tokens and markers the segment ids, so both are read at the same position and each has its
    own embedding.

    Symbols and markers are drawn independently and uniformly. Scored are the last tokens, where every offset
    has a source: the distance depends neither on the position nor on any symbol. The dependency length is the
    offset. The sources are the symbol's position and the emitting position, whose marker is read. Whoever
    sees everything but the symbol at the source is right by chance.

    Args:
        scored: share of a sequence, at its end, that is scored.
    """

    name = "offset_recall"
    summary = "Emit the symbol k tokens back, where a marker gives k"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        symbols: int = 16,
        offsets: tuple[int, ...] = (1, 2, 4, 8, 12, 16),
        evaluation_lengths: tuple[int, ...] | None = None,
        scored: float = 0.5,
    ) -> None:
        super().__init__(body)
        if not 0.0 < scored < 1.0:
            raise UserError(f"offset_recall[scored={scored:g}]: give a share between 0 and 1.")
        shortest = self.set_lengths(length, evaluation_lengths, factors=(1, 2))
        if symbols < 2 or not offsets or min(offsets) < 1 or len(set(offsets)) < len(offsets):
            raise UserError(
                f"offset_recall[symbols={symbols},offsets={list(offsets)}]: give two symbols or more, and "
                "offsets of 1 or more that differ from each other."
            )
        self.scored = scored
        if self._first_scored(shortest) < max(offsets):
            raise UserError(
                f"offset_recall[scored={scored:g}]: of {shortest} tokens not every one that is scored has a "
                f"symbol {max(offsets)} tokens back; give longer lengths, smaller offsets or a smaller share."
            )
        self.symbols = symbols
        self.offsets = offsets
        self.vocabulary = symbols
        self.token_names = letters(symbols)
        self.segments = len(offsets)
        self.segment_names = tuple(map(str, offsets))
        self.objectives = (Objective("recall", classes=symbols, chance=1 / symbols),)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        symbols = torch.randint(self.symbols, (n, length), generator=generator)
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

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change one symbol a sequence, and score what reads it; or draw again what is no source."""
        assert batch.source is not None
        assert batch.segments is not None
        source = batch.source[..., 0]
        if what == "others":
            drawn, markers = (
                torch.randint(number, batch.tokens.shape, generator=generator)
                for number in (self.symbols, self.segments)
            )
            return replace(
                batch,
                tokens=batch.tokens.where(sources_of_scored(batch), drawn),
                segments=batch.segments.where(batch.scored, markers),
            )
        order = torch.rand(batch.scored.shape, generator=generator).masked_fill(~batch.scored, -1.0)
        changed = source.gather(1, order.argmax(1, keepdim=True))
        symbol = another(generator, batch.tokens.gather(1, changed), self.symbols)
        scored = batch.scored & (source == changed)
        return replace(
            batch,
            tokens=batch.tokens.scatter(1, changed, symbol),
            targets=batch.targets.where(~scored, symbol),
            scored=scored,
            dependency_length=batch.dependency_length.where(scored, -1),
            source=batch.source.where(scored[..., None], -1),
        )

    def _first_scored(self, length: int) -> int:
        return length - max(1, int(self.scored * length))
