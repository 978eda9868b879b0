"""The task listops: the value of a nested expression of lists."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import another
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch
from posharness_tasks._splitting import drawn_in

_DIGITS = 10
_WINDOW = 6
"""Tokens that hold one inner list at most."""
_SHORTEST = 3
"""Tokens of the shortest list: what opens it, one item, what closes it."""
_SPAN = 6
"""The shortest span: a sum of a digit and a list of two digits."""
_MEASURED = 4000
"""Sequences with which an accuracy is measured."""


class ListOps(Task):
    """Emit the value of an expression at its last token: a digit plus a list's MAX or MIN, mod 10.

    With blanks "_":

        _ [SM [MIN 7 9 ] 6 ] _ _ _ _ _ _ _ _             at the last "]": 3, for 7 + 6 mod 10
        _ _ _ [SM 4 [MAX 2 [MIN 5 3 9 ] 1 ] ] _ _        at the last "]": 7, for 4 + 3 (three levels)

    Every token of the expression may matter, so there is no single source. The dependency length is a *span*,
    from the first token of the expression to its last, where the answer is emitted. It is drawn from spans
    that grow from 6 by factors of √2, and the emitting position from the last quarter, which every span fits.

    The levels are: the sum; in it a digit, before or after one list; in the list digits and, with three
    levels, inner lists of digits. Values are drawn from the outside in: the answer and the sum's digit
    uniformly; then one random item of a list gets the list's value, and the others any value that MAX or MIN
    allows. Without the sum's digit, or without the list's value, every answer is equally likely.

    Who counts the tokens, however, and does not ask which digit is the sum's, is often right: in about two
    thirds of the short expressions and in half of the longer ones. This is the blind accuracy. With two
    levels it is the exact probability, given the counts, of the likeliest answer. With three it is the share
    of right answers, by span, of a rule that knows the outer list's operation and takes all digits but one
    for items of that list.

    Training, validation and test share no expression, wherever it stands: half of all expressions are for
    training, a quarter for validation, a quarter for test.

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
        self.token_names = (*map(str, range(_DIGITS)), "[SM", "[MAX", "[MIN", "]", "_")
        self.objectives = (Objective("listops", classes=_DIGITS, chance=1 / _DIGITS),)
        self._by_span: dict[int, Float[Tensor, " spans"]] = {}
        if not self.distances(shortest):
            raise UserError(
                f"listops: a sequence of {shortest} tokens is too short for an expression; give lengths of 8 "
                "or more."
            )

    def distances(self, length: int) -> list[int]:
        """The spans that fit a sequence of `length` tokens."""
        return geometric_distances(_SPAN, length - max(1, length // 4))

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        return self._with_blind(self._sample(generator, n, length, split))

    def _with_blind(self, batch: Batch) -> Batch:
        """The batch with the blind accuracy of its own tokens."""
        if self.levels == 2:
            blind = self._by_counts(batch.tokens).amax(1, keepdim=True)
        else:
            measured = self._accuracy_by_counts(batch.tokens.shape[1])
            blind = measured[batch.dependency_length.amax(1, keepdim=True)]
        return replace(batch, blind=blind.where(batch.scored, 0.0))

    def _sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        span = draw_distances(generator, self.distances(length), n)
        end = torch.randint(length - max(1, length // 4), length, (n, 1), generator=generator)
        target = torch.randint(_DIGITS, (n, 1), generator=generator)
        place = torch.arange(length)

        def expressions(rows: Int[Tensor, " k"]) -> tuple[Int[Tensor, "k length"], Int[Tensor, "k length"]]:
            tokens = self._expressions(generator, target[rows], end[rows], span[rows], length)
            own = tokens.gather(1, (end[rows] - span[rows] + place).clamp(max=length - 1))
            return tokens, torch.where(place <= span[rows], own + 1, 0)

        tokens = drawn_in(split, n, expressions)
        nowhere = torch.full((n, 1, 1), -1)
        return replace(scored_batch(tokens, end, targets=target, distance=span, source=nowhere), source=None)

    def _expressions(
        self,
        generator: torch.Generator,
        target: Int[Tensor, "n 1"],
        end: Int[Tensor, "n 1"],
        span: Int[Tensor, "n 1"],
        length: int,
    ) -> Int[Tensor, "n length"]:
        """Sequences with an expression whose value is the target."""
        digit = torch.randint(_DIGITS, target.shape, generator=generator)
        last = torch.randint(2, target.shape, generator=generator)  # whether the digit follows the list
        first = end - span + 2 - last  # of the list
        inside = self._list(generator, (target - digit) % _DIGITS, span - 4, length)
        at = torch.arange(length) - first - 1
        tokens = inside.gather(1, at.clamp(0, length - 1))
        tokens = torch.where((at >= 0) & (at < span - 4), tokens, self.blank)
        tokens.scatter_(1, end - span, self.sum).scatter_(1, end, self.close)
        tokens.scatter_(1, torch.where(last > 0, end - 1, end - span + 1), digit)
        return tokens.scatter_(1, first, inside[:, -1:]).scatter_(1, first + span - 3, self.close)

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch:
        """Change the sum's digit, or draw the items of the outer list again that do not decide its value."""
        tokens, end = batch.tokens, batch.scored.nonzero()[:, 1:]
        start = end - batch.dependency_length.gather(1, end)
        behind = tokens.gather(1, start + 1)
        at = torch.where(behind < _DIGITS, start + 1, end - 1)
        digit, target = tokens.gather(1, at), batch.targets.gather(1, end)
        if what == "source":
            changed = another(generator, digit, _DIGITS)
            targets = batch.targets.scatter(1, end, (target + changed - digit) % _DIGITS)
            return self._with_blind(replace(batch, tokens=tokens.scatter(1, at, changed), targets=targets))
        value = (target - digit) % _DIGITS
        opens = (tokens >= self.sum) & (tokens < self.close)
        depth = (opens.long() - (tokens == self.close).long()).cumsum(1)
        free = (depth == 2) & (tokens < _DIGITS) & (tokens != value)
        operation = self._outer(tokens).expand_as(tokens)
        drawn = _allowed(generator, operation, value.expand_as(tokens))
        return self._with_blind(replace(batch, tokens=drawn.where(free, tokens)))

    def _outer(self, tokens: Int[Tensor, "n length"]) -> Int[Tensor, "n 1"]:
        """The operation of the outer list: 0 for MAX, 1 for MIN."""
        operation = (tokens == self.maximum) | (tokens == self.minimum)
        return tokens.gather(1, operation.long().argmax(1, keepdim=True)) - self.maximum

    def _by_counts(self, tokens: Int[Tensor, "n length"]) -> Float[Tensor, "n 10"]:
        """The probability of each answer given the counts of digits, if the list holds digits alone.

        A digit c that occurs m times among k + 1 is the sum's, and v, the extreme of the k others, occurs w
        times among these, with a probability proportional to m · w · r^(1−k), where r is the number of values
        that MAX or MIN admits beside v. (One of k items has the value v, and the others are uniform.)
        """
        least = self._outer(tokens) > 0
        digits = torch.arange(_DIGITS)
        counts = (tokens[..., None] == digits).sum(1)
        counts = torch.where(least, counts.flip(1), counts)  # now the list's value is its maximum
        rest = counts[:, None] - torch.eye(_DIGITS, dtype=torch.long)  # without each digit
        value = ((rest > 0) * digits).argmax(2)
        held = rest.gather(2, value[..., None])[..., 0]
        items = counts.sum(1, keepdim=True) - 1
        log = counts.double().log() + held.double().log() - (items - 1) * (value + 1).double().log()
        chance = log.masked_fill(counts == 0, -torch.inf).softmax(1)
        answer = torch.where(least, 18 - digits - value, digits + value) % _DIGITS
        return torch.zeros_like(chance).scatter_add(1, answer, chance).float()

    def _accuracy_by_counts(self, length: int) -> Float[Tensor, " spans"]:
        """The accuracy of the rule `_by_counts` at each span, in sequences that are always the same."""
        if length not in self._by_span:
            batch = self._sample(torch.Generator().manual_seed(0), _MEASURED, length, "train")
            right = self._by_counts(batch.tokens).argmax(1) == batch.targets[batch.scored]
            spans = batch.dependency_length[batch.scored]
            total = spans.bincount(minlength=length).clamp(min=1)
            self._by_span[length] = spans[right].bincount(minlength=length) / total
        return self._by_span[length]

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
    digits = _allowed(generator, operation, value)
    keys = torch.rand(n, wide, generator=generator).masked_fill(~items, -1.0).view(n, -1, group)
    chosen = (keys == keys.amax(2, keepdim=True)).view(n, wide)
    return operation, torch.where(chosen, value, digits)


def _allowed(
    generator: torch.Generator, operation: Int[Tensor, "n k"], value: Int[Tensor, "n k"]
) -> Int[Tensor, "n k"]:
    """Draw items that lists of the given operations and values may hold."""
    below = _below(generator, torch.where(operation > 0, _DIGITS - value, value + 1))
    return torch.where(operation > 0, value + below, below)


def _below(generator: torch.Generator, bound: Int[Tensor, "n k"]) -> Int[Tensor, "n k"]:
    """Draw a uniform integer from 0 up to, but not including, each bound."""
    return (torch.rand(bound.shape, generator=generator, dtype=torch.float64) * bound).long()
