"""Variable tracking: follow assignments from a variable back to its value, over a chain of hops."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import each_value_once, emitting, ladder

_STATEMENT = 3


class Variables(Task):
    """Statements assign values to variables and these to others; at the end one's value is asked for.

    With variables A to F, values 0 to 2 and blanks "_" (the bars are for the reader; they are no tokens):

        tokens    _ | C = 0 | B = 2 | _ _ _ | A = 1 | _ _ _ | ? B | _            (1 hop)
        answer                                                2

        tokens    | D = 1 | E = 0 | F = D | B = 2 | A = E | C = B | ? A | _ _    (2 hops)
        answer                                                      0

    Each value begins a chain: a variable that it is assigned to, a variable that this one is assigned to,
    and so on, 1 up to `hops` of them (a stratum), as many in each chain of a sequence. No variable is
    assigned twice. Asked for is the last variable of any one chain: so what is answered without following
    the chain is right by chance, however it is found.

    An answer's sources are the variables and values of its chain and the emitting position. The farthest is
    the variable that the value was assigned to: the dependency length is its distance. The places at which
    the chains begin are different ones of a ladder that climbs by factors of √2, each as likely for each,
    and so far apart that chains of `hops` statements fit; how many hops it is does not depend on them. The
    other statements stand at random places nearer than the beginning of their chain. The question stands at
    a place drawn from the last eighth, which every distance fits.

    After the variable tracking of 2404.06654, where chains stand in a long text.

    Token ids are the values, the variables, then "=", "?" and the blank.
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
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        self.length = length
        self.evaluation_lengths = evaluation_lengths or (length, 2 * length, 4 * length, 8 * length)
        if values < 2 or hops < 1:
            raise UserError(
                f"variables[values={values},hops={hops}]: give two values or more and one hop or more"
            )
        self.values = values
        self.variables = values * hops
        self.hops = hops
        self.strata = tuple(f"{count} hop{'s' * (count > 1)}" for count in range(1, hops + 1))
        self.equals, self.question, self.blank = (values + self.variables + i for i in range(3))
        self.vocabulary = values + self.variables + 3
        self.objectives = (Objective("variables", classes=values, chance=1 / values),)
        shortest = min(length, *self.evaluation_lengths)
        if len(self._places(shortest)) < values:
            raise UserError(
                f"variables: a sequence of {shortest} tokens has no room for a question and {values} chains "
                f"of {hops} statements that begin at different distances; give longer lengths, fewer values "
                "or fewer hops"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return [1 + _STATEMENT * place for place in self._places(length)]

    def _places(self, length: int) -> list[int]:
        """Which statement the farthest can be, counted back from the question."""
        return ladder(self.hops, self._slots(length), apart=self.hops)

    def _slots(self, length: int) -> int:
        """Statements that there is room for wherever the question stands."""
        return (length - max(1, length // 8) - 1) // _STATEMENT

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        begin, value = each_value_once(generator, self._places(length), n, self.values)
        begin, order = begin.sort(1)  # the nearest first; chains are in this order from here on
        asked = (order == 0).long().argmax(1, keepdim=True)
        count = torch.randint(1, self.hops + 1, (n, 1), generator=generator)
        slots = self._chains(generator, begin, count, self._slots(length))  # n v hops
        names = torch.rand(n, self.variables, generator=generator).argsort(1).view(n, self.values, self.hops)
        left = self.values + names
        right = torch.cat([value[..., None], left[..., :-1]], 2)

        question = torch.randint(length - max(1, length // 8), length, (n, 1), generator=generator)
        start = question[..., None] - 1 - _STATEMENT * slots
        start = start.where(slots > 0, length)  # what is in no chain goes behind the last token
        tokens = torch.full((n, length + 1), self.blank)
        for offset, words in enumerate((left, torch.full_like(left, self.equals), right)):
            tokens.scatter_(1, (start + offset).clamp(max=length).flatten(1), words.flatten(1))
        tokens = tokens[:, :length]

        def of_asked(x: Int[Tensor, "n v hops"]) -> Int[Tensor, "n hops"]:
            return x.gather(1, asked[..., None].expand(-1, -1, self.hops))[:, 0]

        tokens.scatter_(1, question - 1, self.question)
        tokens.scatter_(1, question, of_asked(left).gather(1, count - 1))
        lead = of_asked(start.where(slots > 0, -1))
        source = torch.cat([lead, torch.where(lead >= 0, lead + 2, -1), question], 1)
        batch = emitting(
            tokens,
            question,
            targets=value.gather(1, asked),
            distance=1 + _STATEMENT * begin.gather(1, asked),
            source=source[:, None],
        )
        return replace(batch, stratum=(count - 1).expand(n, length).contiguous())

    def _chains(
        self, generator: torch.Generator, begin: Int[Tensor, "n v"], count: Int[Tensor, "n 1"], slots: int
    ) -> Int[Tensor, "n v hops"]:
        """Where the statements of each chain stand, counted back from the question; 0 for none.

        Args:
            begin: where the first ones do, ascending.
            count: how many a chain has.
        """
        slot = 1 + torch.arange(slots)
        taken = (begin[..., None] == slot).any(1)  # n slots
        chains = []
        for first in begin.T[..., None]:
            keys = torch.rand(taken.shape, generator=generator).masked_fill(taken | (slot >= first), 2.0)
            others = 1 + keys.argsort(1)[:, : self.hops - 1]
            others = others.where(torch.arange(1, self.hops) < count, 0)
            taken |= (others[..., None] == slot).any(1)
            chains.append(torch.cat([first, others.sort(1, descending=True).values], 1))
        return torch.stack(chains, 1)
