"""The task recall: multi-query associative recall of the values that keys were paired with."""

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
    """Pairs of a key and a value are hidden among other values; at the end, some keys ask for their values.

    With keys A to E, values a to c and two queries (unscored answers are "."; the bar is not a token):

        tokens    b a A c b E b a C a c b a | E A          c a E b a D c c a B a b c | B E
        answers   . . . . . . . . . . . . .   b c          . . . . . . . . . . . . .   a b

    The sources are the pair's key, its value, and the emitting position with the query. The pair's key is the
    farthest: its distance is the dependency length, one more than the distance of the value. Distances grow
    by factors of √2; those of one sequence are all different, and each is equally likely for each pair. They
    are far enough apart that pairs never overlap. The queries are always the last tokens.

    No key occurs in the filler, and no key is asked for twice, so there is no second source. There are as
    many pairs as values, and each value is in one of them; keys, values and distances are independent. A
    predictor that ignores the query is therefore right by chance. The filler consists of independent values.

    After 2312.04927 (section 4), where keys come first, distances follow a power law, and a sequence holds
    few of the values.

    Token ids: the values, the keys.
    """

    name = "recall"
    aliases = ("mqar",)
    summary = "Recall the values that several keys were paired with"
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
                "as many keys, and one query or more, but no more than values."
            )
        self.values = values
        self.keys = keys
        self.queries = queries
        self.vocabulary = values + keys
        self.objectives = (Objective("recall", classes=values, chance=1 / values),)
        if len(self.distances(shortest)) < values:
            raise UserError(
                f"recall: a sequence of {shortest} tokens is too short for {queries} queries and {values} "
                "pairs at different distances; give longer lengths, fewer queries or fewer values."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
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
