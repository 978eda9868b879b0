"""The task recall: multi-query associative recall of the values that keys were paired with."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import change_values, redraw_values
from posharness_tasks._naming import letters, numbers
from posharness_tasks._placing import (
    different_distances,
    geometric_distances,
    positions_before_queries,
    scored_batch,
)


class Recall(Task):
    """Pairs of a value and a key are hidden among other values; at the end, some keys ask for their values.

    With values 1 to 3, keys A to E, asked for as a to e, and two queries (unscored answers are "."; the bar
    is not a token):

        tokens    2 1 2 A 3 3 E 2 1 2 C 1 3 2 | e a        3 2 E 1 3 B 2 2 D 3 1 1 2 3 | b e
        answers   . . . . . . . . . . . . . .   3 2        . . . . . . . . . . . . . .   3 2

    The sources are the pair's value, its key, and the emitting position with the query. The value is the
    farthest: its distance is the dependency length, one more than the distance of the key. (If the key came
    first, it would be the farthest; but who sees everything else knows which key is missing, and where.)
    Distances grow by factors of √2; those of one sequence are all different, and each is equally likely for
    each pair. They are far enough apart that pairs never overlap. The queries are always the last tokens.

    No key occurs in the filler, in two pairs or in two queries, so there is no second source. All values, of
    pairs and filler, are drawn independently and uniformly, whatever the keys and the distances: whoever sees
    everything but the pair's value is right by chance.

    After 2312.04927 (section 4), where keys come first, and distances follow a power law.

    A query is another token than its key, because a query that looks for its own token finds itself first.
    With fewer queries than pairs, or many more keys than pairs, the task is learned late, or not at all.

    Token ids: the values, the keys, the queries.
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
        values: int = 8,
        keys: int = 4,
        pairs: int = 4,
        queries: int = 4,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if values < 2 or not 1 <= queries <= pairs <= keys:
            raise UserError(
                f"recall[values={values},keys={keys},pairs={pairs},queries={queries}]: give two values or "
                "more, one query or more, at least as many pairs, and at least as many keys as pairs."
            )
        self.values = values
        self.keys = keys
        self.pairs = pairs
        self.queries = queries
        self.vocabulary = values + 2 * keys
        names = letters(keys)
        self.token_names = (*numbers(values), *map(str.upper, names), *names)
        self.objectives = (Objective("recall", classes=values, chance=1 / values),)
        if len(self.distances(shortest)) < pairs:
            raise UserError(
                f"recall: a sequence of {shortest} tokens is too short for {queries} queries and {pairs} "
                "pairs at different distances; give longer lengths, fewer queries or fewer pairs."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
        return geometric_distances(self.queries + 1, length - self.queries, apart=self.queries + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        q = self.queries
        distance = different_distances(generator, self.distances(length), n, self.pairs)
        keys = self.values + torch.rand(n, self.keys, generator=generator).argsort(1)[:, : self.pairs]
        value = positions_before_queries(distance, q, length)  # n pairs
        query = torch.arange(length - q, length).expand(n, q)
        tokens = torch.randint(self.values, (n, length), generator=generator)
        tokens.scatter_(1, value + 1, keys).scatter_(1, query, self.keys + keys[:, :q])
        asked = value[:, :q]
        return scored_batch(
            tokens,
            query,
            targets=tokens.gather(1, asked),
            distance=distance[:, :q],
            source=torch.stack([asked, asked + 1, query], -1),
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the values that are asked for, or draw all others again."""
        change = change_values if what == "source" else redraw_values
        return change(batch, generator, self.values)
