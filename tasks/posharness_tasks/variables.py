"""Variable tracking: follow assignments from a variable back to its value, over 1 to 4 hops."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import draw_rungs, emitting, ladder

_STATEMENT = 3


class Variables(Task):
    """Statements assign values or variables to variables; at the end one variable's value is asked for.

    With variables A to D, values 0 to 3 and blanks "_" (the bars are for the reader; they are no tokens):

        tokens    _ | C = 0 | B = 2 | A = 1 | D = A | C = B | B = D | D = 3 | ? B | _     (3 statements)
        answer                                                                  1

        tokens    | A = 3 | D = 0 | C = 1 | A = C | B = 2 | ? B | _ _                     (1 statement)
        answer                                                2

    Statements are executed in their order, and a variable may be assigned again: what counts is the last
    assignment before it is read. An answer's sources are the variables and values of the 1 to 4 statements
    that lead to it (their number is a stratum), and the emitting position. The farthest is the variable
    that the value was assigned to: the dependency length is its distance. The farthest statement's place is
    drawn first, from a ladder that climbs from the nearest by factors of √2; then how many statements lead
    from it to the question, and where these stand, uniformly (with n − 1 statements nearer than the
    farthest, n hops at most). The question stands at a place drawn from the last eighth, which every
    distance fits.

    All other statements assign to any variable but the one that is on its way to the answer at that
    point; what they assign is any variable, or a value. Statements that assign values, the farthest source
    among them, have each value equally often, in random order, and stand at random places. So neither
    which values a sequence holds tells the answer, nor in which order they come; it could be told from all
    the other values together. A variable may have had the answer's value before, by accident.

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
        variables: int = 8,
        hops: int = 4,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        self.length = length
        self.evaluation_lengths = evaluation_lengths or (length, 2 * length, 4 * length, 8 * length)
        if values < 2 or hops < 1 or variables <= hops:
            raise UserError(
                f"variables[values={values},variables={variables},hops={hops}]: give two values or more, one "
                "hop or more, and more variables than hops"
            )
        self.values = values
        self.variables = variables
        self.hops = hops
        self.strata = tuple(f"{count} hop{'s' * (count > 1)}" for count in range(1, hops + 1))
        self.equals, self.question, self.blank = (values + variables + i for i in range(3))
        self.vocabulary = values + variables + 3
        self.objectives = (Objective("variables", classes=values, chance=1 / values),)
        shortest = min(length, *self.evaluation_lengths)
        if self._slots(shortest) < values + hops - 1:
            raise UserError(
                f"variables: a sequence of {shortest} tokens has no room for a question and "
                f"{values + hops - 1} statements, one for each of {values} values and {hops - 1} on the way; "
                "give longer lengths, fewer values or fewer hops"
            )

    def distances(self, length: int) -> list[int]:
        """The ladder of dependency lengths that sequences of `length` tokens have room for."""
        return [1 + _STATEMENT * place for place in self._places(length)]

    def _places(self, length: int) -> list[int]:
        """Which statement the farthest can be, counted back from the question."""
        return ladder(1, self._slots(length))

    def _slots(self, length: int) -> int:
        """Statements that there is room for wherever the question stands."""
        return (self._earliest(length) - 1) // _STATEMENT

    def _times(self, length: int) -> int:
        """How often each value is assigned: so that two thirds of the statements, about, assign values."""
        slots = self._slots(length)
        return max(1, min(2 * slots // 3, slots - self.hops + 1) // self.values)

    def _earliest(self, length: int) -> int:
        return length - max(1, length // 8)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        earliest = self._earliest(length)
        place = torch.randint(earliest, length, (n, 1), generator=generator)
        slots = (length - 2) // _STATEMENT
        slot = torch.arange(slots)  # 0 is the one next to the question
        farthest = draw_rungs(generator, self._places(length), n) - 1
        count = 1 + _below(generator, farthest.clamp(max=self.hops - 1) + 1)
        # The statements that lead to the answer, the farthest first; those that are none stand at −1.
        keys = torch.rand(n, slots, generator=generator).masked_fill(slot >= farthest, 2.0)
        nearer = keys.argsort(1)[:, : self.hops - 1]
        nearer = nearer.masked_fill(torch.arange(nearer.shape[1]) >= count - 1, -1)
        chain = torch.cat([farthest, nearer.sort(1, descending=True).values], 1)  # n hops
        names = torch.rand(n, self.variables, generator=generator).argsort(1)
        value = torch.randint(self.values, (n, 1), generator=generator)

        # How many of them a slot and those before it hold; the last of these is on its way to the answer.
        done = (chain[:, :, None] >= slot).sum(1)
        there = (chain[:, :, None] == slot).any(1)
        live = names.gather(1, (done - 1).clamp(min=0))
        free = torch.randint(self.variables - 1, (n, slots), generator=generator)
        anything = torch.randint(self.variables, (n, slots), generator=generator)
        left = torch.where(done > 0, free + (free >= live), anything)
        left = torch.where(there, live, left)

        taken = there | (slot >= (place - 1) // _STATEMENT)
        right = self._values(generator, value, taken, self._times(length))
        right = torch.where(done > 1, self.values + names.gather(1, (done - 2).clamp(min=0)), value).where(
            there, right
        )

        start = place - 1 - _STATEMENT * (slot + 1)  # n slots
        tokens = torch.full((n, length + 1), self.blank)  # the last is for what there is no room for
        at = torch.where(start >= 0, start, length)
        for offset, words in enumerate((self.values + left, torch.full_like(left, self.equals), right)):
            tokens.scatter_(1, (at + offset).clamp(max=length), words)
        tokens = tokens[:, :length]
        asked = names.gather(1, count - 1)
        tokens = tokens.scatter(1, place - 1, self.question).scatter(1, place, self.values + asked)
        lead = torch.where(chain >= 0, place - 1 - _STATEMENT * (chain + 1), -1)
        source = torch.cat([lead, torch.where(lead >= 0, lead + 2, -1), place], 1)
        batch = emitting(
            tokens,
            place,
            targets=value,
            distance=1 + _STATEMENT * (farthest + 1),
            source=source[:, None],
        )
        return replace(batch, stratum=(count - 1).expand(n, length).contiguous())

    def _values(
        self,
        generator: torch.Generator,
        value: Int[Tensor, "n 1"],
        taken: Bool[Tensor, "n slots"],
        times: int,
    ) -> Int[Tensor, "n slots"]:
        """What each slot that is not taken assigns: values, all together `times` each, or variables.

        One time of the answer's value is left out, which the farthest source has.
        """
        right = self.values + torch.randint(self.variables, taken.shape, generator=generator)
        order = torch.rand(taken.shape, generator=generator).masked_fill(taken, 2.0).argsort(1)
        others = torch.arange(times * self.values - 1)
        others = (others + (others >= times * value)) // times
        return right.scatter_(1, order[:, : others.shape[1]], others)


def _below(generator: torch.Generator, bound: Int[Tensor, "n k"]) -> Int[Tensor, "n k"]:
    """A number below each bound."""
    return (torch.rand(bound.shape, generator=generator, dtype=torch.float64) * bound).long()
