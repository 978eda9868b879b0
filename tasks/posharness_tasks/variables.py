"""Variable tracking: follow assignments from a variable back to its value, over a chain of hops."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import change_values, redraw_values
from posharness_tasks._naming import letters
from posharness_tasks._placing import (
    different_distances,
    geometric_distances,
    positions_before_queries,
    scored_batch,
)


class Variables(Task):
    """Variables get values, other variables get theirs; at the end, emit the values of some variables.

    With variables A to F, values 0 to 2 and two queries ("=A" assigns to A; an answer that is not scored is
    "."; the bars are not tokens, but show where the queries begin):

        tokens    0 2 =C 0 1 2 =B 0 2 =A 1 0 | B C        1 hop
        answers   . . .  . . . .  . . .  . . | 2 2

        tokens    1 =D 0 2 =E D =F 0 =B 1 E =A B =C | A F    2 hops: E is 2, and A is E
        answers   . .  . . .  . .  . .  . . .  . .  | 2 1

    A statement is what is assigned, a value or another variable, and the variable that gets it. Each chain
    begins with a value that is assigned to a variable; a second variable gets that of the first, and so on, 1
    to `hops` of them (a stratum); all chains of a sequence have the same number, and there are as many chains
    as values. No variable is assigned twice. The queries are last variables of any chains.

    The sources of an answer are the statements of its chain and the emitting position. The farthest is the
    value that begins the chain, and its distance is the dependency length. It is drawn from distances that
    grow by factors of √2, a different one for each chain, each equally likely for each chain; they are far
    enough apart for chains of `hops` statements. The number of hops does not depend on them. The other
    statements are at random places after the first of their chain, and the queries are the last tokens at
    every distance.

    All values, those between the statements too, are drawn independently and uniformly: whoever sees
    everything but the value that begins the chain is right by chance.

    After the variable tracking of 2404.06654, where chains are spread over a long text.

    Token ids: the values, the variables that are read, the variables that are assigned.
    """

    name = "variables"
    aliases = ("variable_tracking",)
    summary = "Follow assignments from a variable back to its value"
    paper = "arXiv:2404.06654"
    bodies = ("decoder", "encoder")

    def __init__(
        self,
        body: Body,
        *,
        length: int = 48,
        values: int = 4,
        hops: int = 2,
        queries: int = 2,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths)
        if values < 2 or hops < 1 or not 1 <= queries <= values:
            raise UserError(
                f"variables[values={values},hops={hops},queries={queries}]: give two values or more, one hop "
                "or more, and one query or more, but no more than values."
            )
        self.values = values
        self.hops = hops
        self.queries = queries
        self.strata = tuple(f"{count} hop{'s' * (count > 1)}" for count in range(1, hops + 1))
        self.names = values * hops
        self.vocabulary = values + 2 * self.names
        read = tuple(map(str.upper, letters(self.names)))
        self.token_names = (*map(str, range(values)), *read, *(f"={name}" for name in read))
        self.objectives = (Objective("variables", classes=values, chance=1 / values),)
        if len(self.distances(shortest)) < values:
            raise UserError(
                f"variables: a sequence of {shortest} tokens is too short for {queries} queries and {values} "
                f"chains of {hops} statements that begin at different distances; give longer lengths, fewer "
                "values or fewer hops."
            )

    def distances(self, length: int) -> list[int]:
        """The dependency lengths that fit a sequence of `length` tokens."""
        apart = 2 * self.hops + self.queries
        return geometric_distances(apart, length - self.queries, apart=apart)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        q = self.queries
        distance = different_distances(generator, self.distances(length), n, self.values)
        begin = positions_before_queries(distance, q, length)  # n v
        count = torch.randint(1, self.hops + 1, (n, 1), generator=generator)
        start = self._chains(generator, begin, count, length - q)  # n v hops
        value = torch.randint(self.values, (n, self.values), generator=generator)
        name = self.values + torch.rand(n, self.names, generator=generator).argsort(1)
        name = name.view(n, self.values, self.hops)
        assigned = torch.cat([value[..., None], name[..., :-1]], 2)

        tokens = torch.randint(self.values, (n, length + 2), generator=generator)
        there = start.where(start >= 0, length).flatten(1)  # what is in no chain goes behind the last token
        tokens.scatter_(1, there, assigned.flatten(1)).scatter_(1, there + 1, (self.names + name).flatten(1))
        query = torch.arange(length - q, length).expand(n, q)
        last = (count - 1)[..., None].expand(n, q, 1)
        tokens = tokens[:, :length].scatter(1, query, name[:, :q].gather(2, last)[..., 0])
        asked = start[:, :q]
        batch = scored_batch(
            tokens,
            query,
            targets=value[:, :q],
            distance=distance[:, :q],
            source=torch.cat([asked, torch.where(asked >= 0, asked + 1, -1), query[..., None]], 2),
        )
        return replace(batch, stratum=(count - 1).expand(n, length).contiguous())

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the values that begin the chains of the queries, or draw all other values again."""
        change = change_values if what == "source" else redraw_values
        return change(batch, generator, self.values)

    def _chains(
        self, generator: torch.Generator, begin: Int[Tensor, "n v"], count: Int[Tensor, "n 1"], end: int
    ) -> Int[Tensor, "n v hops"]:
        """Where the statements of each chain start, the first one's place given; -1 for none.

        Args:
            count: statements of a chain.
            end: where the queries start.
        """
        place = torch.arange(0, end - 1, 2)
        taken = ((begin[..., None] - place).abs() < 2).any(1)  # n places
        chains = []
        nearest_first = begin.argsort(1, descending=True)
        for chain in nearest_first.T[..., None]:
            first = begin.gather(1, chain)
            keys = torch.rand(taken.shape, generator=generator).masked_fill(taken | (place < first), 2.0)
            chosen = keys.argsort(1)[:, : self.hops - 1]
            chosen = chosen.where(torch.arange(1, self.hops) < count, -1)
            taken |= (chosen[..., None] == torch.arange(len(place))).any(1)
            others = torch.where(chosen >= 0, 2 * chosen, 2 * end).sort(1).values
            chains.append(torch.cat([first, others.where(others < end, -1)], 1))
        ordered = torch.stack(chains, 1)  # n v hops, the nearest first
        back = nearest_first.argsort(1)[..., None].expand_as(ordered)
        return ordered.gather(1, back)
