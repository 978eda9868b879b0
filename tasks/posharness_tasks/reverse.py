"""The task reverse: emit the symbols before a separator from last to first."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, geometric_distances, scored_batch


class Reverse(Task):
    """From the separator on, emit the symbols before it from last to first; one of them is scored.

    With symbols a to e, the separator "|" and blanks "_" (unscored answers are "."):

        tokens    c a e d b e a c | _ _ _ _        d b a a c e d b c b a | _ _
        answers   . . . . . . . . . . . d .        . . . . . . . . . . . b .

    The i-th emitted symbol is emitted i − 1 tokens after the separator, and its source is i tokens before it,
    so the dependency length is 2i − 1. i is drawn first, from numbers that grow from 1 by factors of √2. The
    emitting position is drawn from the last quarter of the sequence, which every distance fits; both
    determine the separator's position. The model must also locate the separator, but the separator is never
    the farthest.

    Symbols, distance and position are independent. At as many of the possible distances as there are symbols,
    each symbol occurs once, in random order, so a predictor that ignores the position is right by chance.
    Only one answer is scored, since its position then gives no information about its distance. The symbols
    emitted before it are not shown, because they would give the answer by elimination.

    Token ids: the symbols, the separator, the blank.
    """

    name = "reverse"
    summary = "Emit the symbols before a separator from last to first"
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
            raise UserError(f"reverse[symbols={symbols}]: give two symbols or more.")
        self.symbols = symbols
        self.separator, self.blank = symbols, symbols + 1
        self.vocabulary = symbols + 2
        self.objectives = (Objective("reverse", classes=symbols, chance=1 / symbols),)
        if len(self.distances(shortest)) < symbols:
            raise UserError(
                f"reverse: the first three quarters of {shortest} tokens are too short for {symbols} symbols "
                "at different distances; give longer lengths or fewer symbols."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths, all odd, that fit a sequence of `length` tokens."""
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
