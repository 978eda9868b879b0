"""The task reverse: emit the symbols before a separator from last to first."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import change_values, redraw_values
from posharness_tasks._naming import letters
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch


class Reverse(Task):
    """From the separator on, emit the symbols before it from last to first; one of them is scored.

    With symbols a to e, the separator "|" and blanks "_" (unscored answers are "."):

        tokens    c a e d b e a c | _ _ _ _        d b a a c e d b c b a | _ _
        answers   . . . . . . . . . . . d .        . . . . . . . . . . . b .

    The i-th emitted symbol is emitted i − 1 tokens after the separator, and its source is i tokens before it,
    so the dependency length is 2i − 1. i is drawn first, from numbers that grow from 1 by factors of √2. The
    emitting position is drawn from the last quarter of the sequence, which every distance fits; both
    determine the separator's position. The sources are the symbol and the separator, which is never farther.

    All symbols are drawn independently and uniformly, whatever the distance and the position: whoever sees
    everything but the symbol is right by chance. Only one answer is scored, since its position then gives no
    information about its distance.

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
        self.token_names = (*letters(symbols), "|", "_")
        self.objectives = (Objective("reverse", classes=symbols, chance=1 / symbols),)
        if shortest < 2:
            raise UserError(
                f"reverse: a sequence of {shortest} tokens is too short for a symbol and a separator; give "
                "lengths of 2 or more."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths, all odd, that fit a sequence of `length` tokens."""
        return [2 * i - 1 for i in geometric_distances(1, (length - max(1, length // 4) + 1) // 2)]

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distance = draw_distances(generator, self.distances(length), n)
        answering = torch.randint(length - max(1, length // 4), length, (n, 1), generator=generator)
        source = answering - distance
        separator = (source + answering + 1) // 2
        tokens = torch.randint(self.symbols, (n, length), generator=generator)
        symbol = tokens.gather(1, source)
        tokens[torch.arange(length) > separator] = self.blank
        tokens.scatter_(1, separator, self.separator)
        return scored_batch(
            tokens,
            answering,
            targets=symbol,
            distance=distance,
            source=torch.stack([source, separator], -1),
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the symbol that is due, or draw the other symbols again."""
        change = change_values if what == "source" else redraw_values
        return change(batch, generator, self.symbols)
