"""Multi-query associative recall: emit the value that a key was paired with, however long ago."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import (
    each_value_once,
    geometric_distances,
    positions_before_queries,
    scored_batch,
)


class Recall(Task):
    """Keys stand before their values among other values; at the end some keys ask for their values again.

    With keys A to E and values a to c, two of them asked for (an answer that is not scored as "."):

        tokens    b a A c b E b a C a c b a | E A          c a E b a D c c a B a b c | B E
        answers   . . . . . . . . . . . . .   b c          . . . . . . . . . . . . .   a b

    (The bar is for the reader; it is no token.) Sources are the key of the pair, its value and the
    emitting position, whose key asks. The key is the farthest: the dependency length is measured from
    it, and is one more than the distance of the value. It is drawn from a ladder that climbs by factors
    of √2, a different rung for each pair of a sequence and each rung as likely for each. So far apart are
    the rungs that pairs never meet. The queries are the last tokens, whatever the distances.

    No key stands in the filler and no key is asked for twice, so that there is no second source. There are
    as many pairs as values, and each value stands in one of them; keys, values and distances are drawn
    without regard to each other: so what is answered without regard to the key is right by chance. Filler
    consists of values drawn without regard to all of these.

    After 2312.04927 (section 4), where keys come first, distances follow a power law, and a sequence holds
    few of the values.

    Token ids are the values, then the keys.
    """

    name = "recall"
    aliases = ("mqar",)
    summary = "Emit the values of several keys, each paired with its value once before"
    paper = "arXiv:2312.04927"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        values: int = 4,
        keys: int = 8,
        queries: int = 2,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if not (2 <= values <= keys and 1 <= queries <= values):
            raise UserError(
                f"recall[values={values},keys={keys},queries={queries}]: give two values or more, at least "
                "as many keys, and one query or more, but no more than values"
            )
        self.values = values
        self.keys = keys
        self.queries = queries
        self.vocabulary = values + keys
        self.objectives = (Objective("recall", classes=values, chance=1 / values),)
        if len(self.distances(shortest)) < values:
            raise UserError(
                f"recall: a sequence of {shortest} tokens has no room for {queries} queries and {values} "
                "pairs at different distances; give longer lengths, fewer queries or fewer values"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return geometric_distances(self.queries + 1, length - self.queries, apart=self.queries + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        q = self.queries
        distance, values = each_value_once(generator, self.distances(length), n, self.values)
        keys = self.values + torch.rand(n, self.keys, generator=generator).argsort(1)[:, : self.values]
        key = positions_before_queries(distance, q, length)  # n v
        tokens = torch.randint(self.values, (n, length), generator=generator)
        tokens.scatter_(1, key, keys).scatter_(1, key + 1, values)
        query = torch.arange(length - q, length).expand(n, q)
        tokens.scatter_(1, query, keys[:, :q])
        return scored_batch(
            tokens,
            query,
            targets=values[:, :q],
            distance=distance[:, :q],
            source=torch.stack([key[:, :q], key[:, :q] + 1, query], -1),
        )
