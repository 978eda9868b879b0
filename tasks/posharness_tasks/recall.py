"""Multi-query associative recall: emit the value that a key was paired with, however long ago."""

from __future__ import annotations

import torch

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import different_rungs, emitting, haystack, ladder


class Recall(Task):
    """Keys stand before their values among other values; at the end each key asks for its value again.

    With keys A, B, C and values a to e (an answer that is not scored as "."):

        tokens    b d A c b B e a C a c b d | B A C        c e A b a C d c a B a d e | C A B
        answers   . . . . . . . . . . . . .   e c a        . . . . . . . . . . . . .   d b a

    (The bar is for the reader; it is no token.) Sources are the key of the pair, its value and the
    emitting position, whose key asks. The key is the farthest: the dependency length is measured from
    it, and is one more than the distance of the value. It is drawn from a ladder that climbs by factors
    of √2, a different rung for each query of a sequence and each rung as likely for each query. So far
    apart are the rungs that pairs never meet. The queries are the last tokens, whatever the distances.

    No key stands in the filler and no key is asked for twice, so that there is no second source. Keys,
    values and distances are drawn without regard to each other, the values of a sequence all different.
    Filler consists of values, and every value that no pair has stands in it before the first pair: so
    which values a sequence holds says nothing about the answer, nor does what is nearer than its source,
    but that the values of nearer pairs are others.

    After 2312.04927 (section 4), where keys come first, distances follow a power law, and filler is random.

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
        pairs: int = 3,
        keys: int = 8,
        values: int = 8,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        self.length = length
        self.evaluation_lengths = evaluation_lengths or (length, 2 * length, 4 * length, 8 * length)
        if not 1 <= pairs <= min(keys, values) or values < 2:
            raise UserError(
                f"recall[pairs={pairs},keys={keys},values={values}]: give one pair or more, at least as many "
                "keys and values, and two values or more"
            )
        self.pairs = pairs
        self.keys = keys
        self.values = values
        self.vocabulary = values + keys
        self.objectives = (Objective("recall", classes=values, chance=1 / values),)
        if len(self.distances(shortest := min(length, *self.evaluation_lengths))) < pairs:
            raise UserError(
                f"recall: a sequence of {shortest} tokens has no room for {pairs} pairs at different "
                f"distances, their queries and each of {values} values; give longer lengths, fewer pairs or "
                "fewer values"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return ladder(self.pairs + 1, length - self.values, apart=self.pairs + 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        k = self.pairs
        distance = different_rungs(generator, self.distances(length), n, k)
        keys = self.values + torch.rand(n, self.keys, generator=generator).argsort(1)[:, :k]
        values = torch.rand(n, self.values, generator=generator).argsort(1)[:, :k]
        query = torch.arange(length - k, length).expand(n, k)
        key = query - distance
        tokens = haystack(generator, values, self.values, key.amin(1, keepdim=True), length)
        tokens.scatter_(1, key, keys).scatter_(1, key + 1, values).scatter_(1, query, keys)
        return emitting(
            tokens,
            query,
            targets=values,
            distance=distance,
            source=torch.stack([key, key + 1, query], -1),
        )
