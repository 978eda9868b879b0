"""The task induction: emit the symbol that followed the current one when it last occurred."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, geometric_distances, scored_batch


class Induction(Task):
    """Some symbols occur a second time; there, emit the symbol that followed them the first time.

    With three symbols that recur (unscored answers are "."):

        tokens    e f g b d a e c f f e g c b a f          f b c a d e c g b a g c e b
        answers   . . . . . . . . . . . . f d e .          . . . . . . . . . . g c d .

    The sources are the symbol's first occurrence, the token after it and the emitting position. The first
    occurrence is the farthest: its distance is the dependency length. Distances grow by factors of √2; those
    of one sequence are all different, and each is equally likely for each prediction. They are far enough
    apart that sources never overlap. The predictions are neighbours, at a position drawn from the last eighth
    of the sequence, which every distance fits.

    Which symbols recur is drawn anew for each sequence: no token is a key or a value by itself. A recurring
    symbol occurs exactly twice, so that there is no second source, and its follower does not recur. Symbols
    and distances are independent of each other, and the followers are all different. The filler consists of
    symbols that do not recur, and includes each symbol that is not an answer: which symbols a sequence holds
    gives no information. Chance is the accuracy of emitting any symbol except the current one.

    This is the task that induction heads solve (2209.11895).
    """

    name = "induction"
    summary = "Emit the symbol that followed the current one when it last occurred"
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
        room = shortest - shortest // 8 - 3 * pairs
        if len(self.distances(shortest)) < pairs or room < symbols - 2 * pairs:
            raise UserError(
                f"induction: a sequence of {shortest} tokens is too short for {pairs} pairs at different "
                f"distances and each of {symbols} symbols; give longer lengths, fewer pairs or fewer symbols."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
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
