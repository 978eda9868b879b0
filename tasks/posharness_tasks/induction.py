"""The task induction: emit the symbol that preceded the current one when it last occurred."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import sources_of_scored
from posharness_tasks._placing import different_distances, geometric_distances, scored_batch


class Induction(Task):
    """Some symbols occur a second time; there, emit the symbol that preceded them the first time.

    With three symbols that recur (unscored answers are "."):

        tokens    e f b g d a e c a f e e g c b a f        f a b f c a e f g b a c e b g
        answers   . . . . . . . . . . . . . . f e .        . . . . . . . . . . . f a a .

    The sources are the token before the symbol's first occurrence, that occurrence and the emitting position.
    The token before is the farthest: its distance is the dependency length. Distances grow by factors of √2;
    those of one sequence are all different, and each is equally likely for each prediction. They are far
    enough apart that sources never overlap. The predictions are neighbours, at a position drawn from the last
    eighth of the sequence, which every distance fits.

    Which symbols recur is drawn anew for each sequence: no token is a key or a value by itself. A recurring
    symbol occurs exactly twice, so that there is no second source. All other tokens, the answers among them,
    are drawn independently and uniformly from the symbols that do not recur. Chance is the accuracy of
    emitting any symbol except the current one. Whoever sees everything but the answer can also exclude the
    other symbols that recur, and is then right in one of `symbols` − `pairs` cases.

    This is what induction heads do (2209.11895), mirrored: they emit the symbol that *followed*. There, the
    symbol's first occurrence would be the farthest source; but who sees everything else knows which symbol is
    missing, and where. The circuit is the same: a head that reads the previous token, and one that looks for
    the same symbol.
    """

    name = "induction"
    summary = "Emit the symbol that preceded the current one when it last occurred"
    paper = "arXiv:2209.11895"
    bodies = ("decoder",)

    def __init__(
        self,
        body: Body,
        *,
        length: int = 48,
        pairs: int = 3,
        symbols: int = 16,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if pairs < 1 or symbols < 2 * pairs + 1:
            raise UserError(
                f"induction[pairs={pairs},symbols={symbols}]: give one pair or more, and more than twice as "
                "many symbols."
            )
        self.pairs = pairs
        self.vocabulary = self.symbols = symbols
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
        # Symbols are drawn by number and then named; those that recur are the last k.
        names = torch.rand(n, self.symbols, generator=generator).argsort(1)
        tokens = torch.randint(self.symbols - k, (n, length), generator=generator)
        recurring = torch.arange(self.symbols - k, self.symbols).expand(n, k)
        tokens.scatter_(1, before + 1, recurring).scatter_(1, present, recurring)
        tokens = names.gather(1, tokens)
        batch = scored_batch(
            tokens,
            present,
            targets=tokens.gather(1, before),
            distance=distance,
            source=torch.stack([before, before + 1, present], -1),
        )
        return replace(batch, blind=torch.full(tokens.shape, 1 / (self.symbols - k)))

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change all answers where they are read, or draw the filler again, without symbols that recur."""
        assert batch.source is not None
        n, length = batch.tokens.shape
        recurs = self._recurring(batch)
        if what == "others":
            names = torch.rand(n, self.symbols, generator=generator).masked_fill(recurs, 2.0).argsort(1)
            drawn = torch.randint(self.symbols - self.pairs, (n, length), generator=generator)
            kept = sources_of_scored(batch)
            return replace(batch, tokens=batch.tokens.where(kept, names.gather(1, drawn)))
        preference = torch.rand(n, length, self.symbols, generator=generator)
        excluded = recurs[:, None] | torch.nn.functional.one_hot(batch.targets, self.symbols).bool()
        targets = preference.masked_fill(excluded, -1.0).argmax(2).where(batch.scored, batch.targets)
        source = batch.source[..., 0].where(batch.scored, length)
        tokens = torch.nn.functional.pad(batch.tokens, (0, 1)).scatter(1, source, targets)[:, :length]
        return replace(batch, tokens=tokens.contiguous(), targets=targets)

    def _recurring(self, batch: Batch) -> Bool[Tensor, "b v"]:
        """Whether a symbol recurs in a sequence: those at the emitting positions."""
        asked: Int[Tensor, "b n v"] = torch.nn.functional.one_hot(batch.tokens, self.symbols)
        return (asked.bool() & batch.scored[..., None]).any(1)
