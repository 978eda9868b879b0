"""Reverse: read a stretch of symbols backwards from a separator."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import draw_rungs, emitting, haystack, ladder


class Reverse(Task):
    """Symbols, a separator, and then the symbols from the last to the first, of which one is scored.

    A decoder is shown what it should have emitted before (teacher forcing), an encoder is not. With symbols
    a to e, the separator "|" and blanks "_" (an answer that is not scored as "."):

        tokens (decoder)    c a e d b e a c | c a e _        d b a a c e d b c b a | a _
        tokens (encoder)    c a e d b e a c | _ _ _ _        d b a a c e d b c b a | _ _
        answers             . . . . . . . . . . . b .        . . . . . . . . . . . . b .

    The i-th symbol to be emitted is due i − 1 tokens after the separator and stands i tokens before it:
    that is its source, and 2i − 1 the dependency length. The i is drawn first, from a ladder that climbs
    from 1 by factors of √2. The emitting position is drawn from the last quarter of the sequence, which
    every distance fits; the separator follows from both. Where the separator is has to be known as well,
    but it is never the farthest.

    Symbols, distance and place are drawn without regard to each other. Every symbol but the answer stands
    before the source at least once: so which symbols a sequence holds says nothing about the answer, nor
    does what is nearer than the source. That can be done for one answer only, and thus one is scored.

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
        symbols: int = 8,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        self.length = length
        self.evaluation_lengths = evaluation_lengths or (length, 2 * length, 4 * length, 8 * length)
        if symbols < 2:
            raise UserError(f"reverse[symbols={symbols}]: give two symbols or more")
        self.symbols = symbols
        self.separator, self.blank = symbols, symbols + 1
        self.vocabulary = symbols + 2
        self.objectives = (Objective("reverse", classes=symbols, chance=1 / symbols),)
        if not self.distances(shortest := min(length, *self.evaluation_lengths)):
            raise UserError(
                f"reverse: the first three quarters of {shortest} tokens have no room for each of {symbols} "
                "symbols; give longer lengths or fewer symbols"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        longest = length - length // 4 - (self.symbols - 1)
        return [2 * i - 1 for i in ladder(1, (longest + 1) // 2)]

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distance = draw_rungs(generator, self.distances(length), n)
        answering = torch.randint(length - length // 4, length, (n, 1), generator=generator)
        symbol = torch.randint(self.symbols, (n, 1), generator=generator)
        source = answering - distance
        tokens = haystack(generator, symbol, self.symbols, source, length).scatter_(1, source, symbol)
        separator = (source + answering + 1) // 2
        position = torch.arange(length)
        if self.body == "decoder":
            mirrored = tokens.gather(1, (2 * separator - position).clamp(0, length - 1))
            tokens = torch.where(position > separator, mirrored, tokens)
            tokens[position > answering] = self.blank
        else:
            tokens[position > separator] = self.blank
        tokens.scatter_(1, separator, self.separator)
        return emitting(tokens, answering, targets=symbol, distance=distance, source=source[..., None])
