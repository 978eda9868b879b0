"""The task induction: emit the symbol that preceded the one that is asked about."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import one_hot

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._naming import letters
from posharness_tasks._placing import different_distances, geometric_distances, scored_batch


class Induction(Task):
    """Asked about a symbol, emit the symbol that preceded it when it occurred.

    With symbols a to g, asked about as A to G, and three pairs in filler (unscored answers are "."):

        tokens    + c b - - * + = * + e a * - * g f B A F = -
        answers   . . . . . . . . . . . . . . . . . c e g . .

    The sources are the token before the symbol, the symbol and the emitting position. The token before is the
    farthest: its distance is the dependency length. Distances grow by factors of √2; those of one sequence
    are all different, and each is equally likely for each prediction. They are far enough apart that sources
    never overlap. The predictions are neighbours, at a position drawn from the last eighth of the sequence,
    which every distance fits.

    Which symbols are asked about is drawn anew for each sequence: no symbol is a key or a value by itself.
    One that is asked about occurs once, and is asked about once, so that there is no second source. The
    answers are drawn independently and uniformly from the other symbols. Chance is the accuracy of emitting
    any symbol except the one that is asked about. Whoever sees everything but the answer can also exclude the
    others that are, and is then right in one of `symbols` − `pairs` cases. The filler is of its own tokens,
    drawn independently. (Among symbols that are no answers, models find the answers only after a long time.)

    This is what induction heads do (2209.11895), mirrored: they emit the symbol that *followed*. There, the
    symbol's occurrence would be the farthest source; but who sees everything else knows which symbol is
    missing, and where. The circuit is the same: a head that reads the previous token, and one that looks for
    the symbol. A head that looks for its own token would find itself first, and after itself no token that it
    could tell from an answer; so a symbol is asked about with a token of its own.

    Token ids: the symbols, the questions about them, the filler.
    """

    name = "induction"
    summary = "Emit the symbol that preceded the one that is asked about"
    paper = "arXiv:2209.11895"
    bodies = ("decoder",)

    def __init__(
        self,
        body: Body,
        *,
        length: int = 48,
        pairs: int = 3,
        symbols: int = 16,
        fillers: int = 4,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if pairs < 1 or symbols < 2 * pairs + 1 or fillers < 2:
            raise UserError(
                f"induction[pairs={pairs},symbols={symbols},fillers={fillers}]: give one pair or more, more "
                "than twice as many symbols, and two fillers or more."
            )
        self.pairs = pairs
        self.symbols = symbols
        self.fillers = fillers
        self.vocabulary = 2 * symbols + fillers
        names = letters(symbols)
        self.token_names = (*names, *map(str.upper, names), *(f"-{filler}" for filler in range(fillers)))
        self.objectives = (Objective("induction", classes=symbols, chance=1 / (symbols - 1)),)
        if len(self.distances(shortest)) < pairs:
            raise UserError(
                f"induction: a sequence of {shortest} tokens is too short for {pairs} pairs at different "
                "distances; give longer lengths or fewer pairs."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
        return geometric_distances(self.pairs + 1, length - length // 8 - self.pairs, apart=self.pairs + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        k = self.pairs
        distance = different_distances(generator, self.distances(length), n, k)
        first = length - k - torch.randint(length // 8 + 1, (n, 1), generator=generator)
        present = first + torch.arange(k)  # n k
        before = present - distance
        # Symbols are drawn by number and then named; those that are asked about are the last k.
        names = torch.rand(n, self.symbols, generator=generator).argsort(1)
        asked = names[:, -k:]
        answers = names.gather(1, torch.randint(self.symbols - k, (n, k), generator=generator))
        tokens = self._draw_filler(generator, n, length)
        tokens.scatter_(1, before, answers).scatter_(1, before + 1, asked)
        tokens.scatter_(1, present, self.symbols + asked)
        batch = scored_batch(
            tokens,
            present,
            targets=answers,
            distance=distance,
            source=torch.stack([before, before + 1, present], -1),
        )
        return replace(batch, blind=torch.full(tokens.shape, 1 / (self.symbols - k)))

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change all answers where they are read, or draw the filler again."""
        assert batch.source is not None
        n, length = batch.tokens.shape
        if what == "others":
            filler = self._draw_filler(generator, n, length)
            return replace(batch, tokens=batch.tokens.where(batch.tokens < 2 * self.symbols, filler))
        present: Int[Tensor, "b n v"] = one_hot(batch.tokens % self.symbols, self.symbols)
        asked = (present.bool() & batch.scored[..., None]).any(1)  # b v
        preference = torch.rand(n, length, self.symbols, generator=generator)
        excluded = asked[:, None] | one_hot(batch.targets, self.symbols).bool()
        targets = preference.masked_fill(excluded, -1.0).argmax(2).where(batch.scored, batch.targets)
        source = batch.source[..., 0].where(batch.scored, length)
        tokens = torch.nn.functional.pad(batch.tokens, (0, 1)).scatter(1, source, targets)[:, :length]
        return replace(batch, tokens=tokens.contiguous(), targets=targets)

    def _draw_filler(self, generator: torch.Generator, n: int, length: int) -> Int[Tensor, "n length"]:
        return 2 * self.symbols + torch.randint(self.fillers, (n, length), generator=generator)
