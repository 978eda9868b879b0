"""Reverse: read a stretch of symbols backwards from a separator."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, geometric_distances, scored_batch


class Reverse(Task):
    """Symbols and a separator, at and after which they are to be emitted from the last to the first.

    With symbols a to e, the separator "|" and blanks "_" (an answer that is not scored as "."):

        tokens    c a e d b e a c | _ _ _ _        d b a a c e d b c b a | _ _
        answers   . . . . . . . . . . . d .        . . . . . . . . . . . b .

    The i-th symbol to be emitted is due i − 1 tokens after the separator and stands i tokens before it:
    that is its source, and 2i − 1 the dependency length. The i is drawn first, from a ladder that climbs
    from 1 by factors of √2. The emitting position is drawn from the last quarter of the sequence, which
    every distance fits; the separator follows from both. Where the separator is has to be known as well,
    but it is never the farthest.

    Symbols, distance and place are drawn without regard to each other. Of the places that a source can
    have, as many as there are symbols hold each symbol once, in random order: so what is answered without
    regard to the place is right by chance. One answer is scored, since its place then tells nothing about
    its distance; and what was emitted before it is not shown, which would tell by elimination.

    Token ids are the symbols, then separator and blank.
    """

    name = "reverse"
    summary = "Emit the symbols before a separator from the last to the first"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        symbols: int = 6,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if symbols < 2:
            raise UserError(f"reverse[symbols={symbols}]: give two symbols or more")
        self.symbols = symbols
        self.separator, self.blank = symbols, symbols + 1
        self.vocabulary = symbols + 2
        self.objectives = (Objective("reverse", classes=symbols, chance=1 / symbols),)
        if len(self.distances(shortest)) < symbols:
            raise UserError(
                f"reverse: the first three quarters of {shortest} tokens have no room for {symbols} symbols "
                "at different distances; give longer lengths or fewer symbols"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return [2 * i - 1 for i in geometric_distances(1, (length - length // 4 + 1) // 2)]

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distances, symbols = each_value_once(generator, self.distances(length), n, self.symbols)
        distance, symbol = distances[:, :1], symbols[:, :1]
        answering = torch.randint(length - length // 4, length, (n, 1), generator=generator)
        source = answering - distance
        separator = (source + answering + 1) // 2
        tokens = torch.randint(self.symbols, (n, length), generator=generator)
        tokens.scatter_(1, separator - (distances + 1) // 2, symbols)
        tokens[torch.arange(length) > separator] = self.blank
        tokens.scatter_(1, separator, self.separator)
        return scored_batch(tokens, answering, targets=symbol, distance=distance, source=source[..., None])
