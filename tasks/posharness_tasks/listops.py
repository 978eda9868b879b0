"""The task listops: the value of a nested expression of lists."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from posharness.contracts import Batch, Body, Objective, Split, Task, UserError
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch

_DIGITS = 10
_WINDOW = 6
"""Tokens that hold one inner list at most."""
_SHORTEST = 3
"""Tokens of the shortest list: what opens it, one item, what closes it."""


class ListOps(Task):
    """Emit the value of an expression at its last token: a digit plus a list's MAX or MIN, mod 10.

    With blanks "_":

        _ [SM [MIN 7 9 ] 6 ] _ _ _ _ _ _ _ _             at the last "]": 3, for 7 + 6 mod 10
        _ _ _ [SM 4 [MAX 2 [MIN 5 3 9 ] 1 ] ] _ _        at the last "]": 7, for 4 + 3 (three levels)

    Every token of the expression may matter, so there is no single source. The dependency length is a *span*,
    from the first token of the expression to its last, where the answer is emitted. It is drawn from spans
    that grow from 5 by factors of √2, and the emitting position from the last quarter, which every span fits.

    The levels are: the sum; in it a digit, before or after one list; in the list digits and, with three
    levels, inner lists of digits. Values are drawn from the outside in: the two operands of the sum
    uniformly; then one random item of a list gets the list's value, and the others any value that MAX or MIN
    allows. All answers are equally likely, also given one operand alone, or given the items of the list
    without its operation: counts of tokens give no information.

    There are few expressions of the shortest spans (400 of span 5), and few lists whose MAX is 0 or whose MIN
    is 9. Training covers many of the tested ones there.

    Smaller than ListOps (1804.06028): it has fewer operations and levels, so that a model of two layers can
    learn it, and uniform answers, so that the most frequent answer is not a good baseline.

    Token ids: the digits, "[SM", "[MAX", "[MIN", "]", the blank.
    """

    name = "listops"
    summary = "Evaluate a nested expression of MAX, MIN and a sum"
    paper = "arXiv:1804.06028"
    bodies = ("encoder",)
    distance = "span"

    def __init__(
        self,
        body: Body,
        *,
        length: int = 32,
        levels: int = 2,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        if levels not in (2, 3):
            raise UserError(f"listops[levels={levels}]: give 2 or 3.")
        self.levels = levels
        shortest = self.set_lengths(length, evaluation_lengths)
        self.sum, self.maximum, self.minimum, self.close, self.blank = range(_DIGITS, _DIGITS + 5)
        self.vocabulary = _DIGITS + 5
        self.objectives = (Objective("listops", classes=_DIGITS, chance=1 / _DIGITS),)
        if not self.distances(shortest):
            raise UserError(
                f"listops: a sequence of {shortest} tokens is too short for an expression; give lengths of 8 "
                "or more."
            )

    def distances(self, length: int) -> list[int]:
        """The spans that fit a sequence of `length` tokens."""
        return geometric_distances(_SHORTEST + 2, length - max(1, length // 4))

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        span = draw_distances(generator, self.distances(length), n)
        end = torch.randint(length - max(1, length // 4), length, (n, 1), generator=generator)
        digit, value = torch.randint(_DIGITS, (2, n, 1), generator=generator)
        last = torch.randint(2, (n, 1), generator=generator)  # whether the digit follows the list
        first = end - span + 2 - last  # of the list

        place = torch.arange(length)
        inside = self._list(generator, value, span - 4, length)
        at = place - first - 1
        tokens = inside.gather(1, at.clamp(0, length - 1))
        tokens = torch.where((at >= 0) & (at < span - 4), tokens, self.blank)
        tokens.scatter_(1, end - span, self.sum).scatter_(1, end, self.close)
        tokens.scatter_(1, torch.where(last > 0, end - 1, end - span + 1), digit)
        tokens.scatter_(1, first, inside[:, -1:]).scatter_(1, first + span - 3, self.close)
        nowhere = torch.full((n, 1, 1), -1)
        target = (digit + value) % _DIGITS
        return replace(scored_batch(tokens, end, targets=target, distance=span, source=nowhere), source=None)

    def _list(
        self, generator: torch.Generator, value: Int[Tensor, "n 1"], room: Int[Tensor, "n 1"], length: int
    ) -> Int[Tensor, "n {length}+1"]:
        """The `room` tokens between the brackets of a list that has this value, followed by its operation.

        With three levels, each window of six tokens that has room for an inner list has one with probability
        ½.
        """
        n, windows = len(value), -(-length // _WINDOW)
        wide = windows * _WINDOW
        place = torch.arange(wide)
        start = place[::_WINDOW]
        space = (room - start).clamp(0, _WINDOW)  # n windows
        size = _SHORTEST + _below(generator, (space - _SHORTEST + 1).clamp(min=1))
        offset = _below(generator, (space - size + 1).clamp(min=1))
        chance = 1 / 2 if self.levels > 2 else 0.0
        inner = (space >= _SHORTEST) & (torch.rand(n, windows, generator=generator) < chance)

        def spread(of_window: Int[Tensor, "n windows"]) -> Int[Tensor, "n wide"]:
            return of_window.repeat_interleave(_WINDOW, 1)

        opens = spread((start + offset).where(inner, -1))
        closes = spread((start + offset + size - 1).where(inner, -2))
        member = (place > opens) & (place < closes)
        items = (place < room) & ~member & (place != closes)
        outer_operation, values = _draw(generator, value.expand(n, wide), items, wide)
        held = values.gather(1, opens.clamp(min=0))
        operation, members = _draw(generator, held, member, _WINDOW)
        tokens = torch.where(member, members, values)
        tokens = torch.where(place == opens, self.maximum + operation, tokens)
        tokens = torch.where(place == closes, self.close, tokens)
        return torch.cat([tokens[:, :length], self.maximum + outer_operation[:, :1]], 1)


def _draw(
    generator: torch.Generator, value: Int[Tensor, "n wide"], items: Bool[Tensor, "n wide"], group: int
) -> tuple[Int[Tensor, "n wide"], Int[Tensor, "n wide"]]:
    """Draw an operation (0 for MAX, 1 for MIN) and the items of lists that have a given value.

    Args:
        value: the value of the list, repeated for each of its tokens.
        items: where its items are.
        group: the number of tokens that hold one list.

    Returns:
        The operation, repeated for each token of a list, and a digit for each position.
    """
    n, wide = value.shape
    operation = torch.randint(2, (n, wide // group), generator=generator).repeat_interleave(group, 1)
    below = _below(generator, torch.where(operation > 0, _DIGITS - value, value + 1))
    digits = torch.where(operation > 0, value + below, below)
    keys = torch.rand(n, wide, generator=generator).masked_fill(~items, -1.0).view(n, -1, group)
    chosen = (keys == keys.amax(2, keepdim=True)).view(n, wide)
    return operation, torch.where(chosen, value, digits)


def _below(generator: torch.Generator, bound: Int[Tensor, "n k"]) -> Int[Tensor, "n k"]:
    """Draw a uniform integer from 0 up to, but not including, each bound."""
    return (torch.rand(bound.shape, generator=generator, dtype=torch.float64) * bound).long()
