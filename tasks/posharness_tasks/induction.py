"""Induction: emit what followed the last time that the present symbol was seen."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, geometric_distances, scored_batch


class Induction(Task):
    """Symbols, some of which come again; the answer is what followed them the first time.

    With three symbols that come again (an answer that is not scored as "."):

        tokens    e f g b d a e c f f e g c b a f          f b c a d e c g b a g c e b
        answers   . . . . . . . . . . . . f d e .          . . . . . . . . . . g c d .

    The sources are the symbol's earlier occurrence, the one after it and the emitting position. The
    earlier occurrence is the farthest: it is at the dependency length, drawn from a ladder that climbs by
    factors of √2, a different rung for each prediction of a sequence and each rung as likely for each. So
    far apart are the rungs that sources never meet. The predictions stand side by side, at a place drawn
    from the last eighth of the sequence, which every distance fits.

    Which symbols come again is drawn anew for each sequence: no token is a key or a value by itself. A
    symbol that comes again occurs twice and no more, so that there is no second source, and what follows
    is never one of them. Symbols and distances are drawn without regard to each other, what follows the
    ones that come again all different. Filler consists of the symbols that do not, and each that is no
    answer stands in it at a random place: so which symbols a sequence holds says nothing about the answer.
    Chance is to emit any symbol but the present one.

    The task that induction heads solve (2209.11895).
    """

    name = "induction"
    summary = "Emit what followed the present symbol when it was last seen"
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
                "many symbols"
            )
        self.pairs = pairs
        self.vocabulary = self.symbols = symbols
        self.objectives = (Objective("induction", classes=symbols, chance=1 / (symbols - 1)),)
        room = shortest - shortest // 8 - 3 * pairs
        if len(self.distances(shortest)) < pairs or room < symbols - 2 * pairs:
            raise UserError(
                f"induction: a sequence of {shortest} tokens has no room for {pairs} pairs at different "
                f"distances and each of {symbols} symbols; give longer lengths, fewer pairs or fewer symbols"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return geometric_distances(self.pairs + 1, length - length // 8 - self.pairs, apart=self.pairs + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        k, answers = self.pairs, self.symbols - self.pairs
        distance, _ = each_value_once(generator, self.distances(length), n, k)
        first = length - k - torch.randint(length // 8 + 1, (n, 1), generator=generator)
        present = first + torch.arange(k)  # n k
        earlier = present - distance
        stock = torch.rand(n, answers, generator=generator).argsort(1)
        follows, others = stock[:, :k], stock[:, k:]
        # Symbols are drawn by number and then named; those that come again are the last k.
        names = torch.rand(n, self.symbols, generator=generator).argsort(1)
        tokens = torch.randint(answers, (n, length), generator=generator)
        keys = torch.rand(n, length, generator=generator).masked_fill(torch.arange(length) >= first, 2.0)
        keys.scatter_(1, earlier, 2.0).scatter_(1, earlier + 1, 2.0)
        tokens.scatter_(1, keys.argsort(1)[:, : answers - k], others)
        again = torch.arange(answers, self.symbols).expand(n, k)
        tokens.scatter_(1, earlier, again).scatter_(1, earlier + 1, follows).scatter_(1, present, again)
        return scored_batch(
            names.gather(1, tokens),
            present,
            targets=names.gather(1, follows),
            distance=distance,
            source=torch.stack([earlier, earlier + 1, present], -1),
        )
