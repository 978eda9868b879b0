"""The reading nearest_copy: prediction of a masked token, by distance to its nearest visible copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Answers, MaskedModel
from posharness_tasks.readings.batching import subprogress
from posharness_tasks.readings.running_text import RunningTextReading


class NearestCopy(RunningTextReading):
    """Mask one token; the dependency length d is the distance to its nearest copy, −1 if there is none.

        the cat saw the dog , and [MASK] dog ran        "the": d = 4

    A copy is neither necessary nor sufficient to predict a token, so occlusion measures its causal effect, in
    rows that pair by (sequence, position). The conditions are:

    * none: the sequence unchanged.
    * `occluded`: a random token replaces the nearest copy (both, if two are equally near).
    * `other occluded`: the random token replaces another token, not a copy: the one at the same distance on
      the other side or, if there is none, the one whose distance is closest to d.

    The fall of log p from the first to the second is the value of the copy at distance d; the fall from the
    first to the third is the cost of any such damage. The random token is one of the text's types, uniformly,
    and the same in both. Targets without a copy, or without another token to replace, are asked unchanged
    only. Chance is the share of the commonest token among the targets.
    """

    name = "nearest_copy"
    aliases = ("copy",)
    summary = "Masked tokens of running text, by distance to the nearest visible copy"
    objectives = ("copy",)
    conditions = ("", "occluded", "other occluded")

    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        report_progress: Callable[[int, int], None],
    ) -> Sequence[Answers]:
        targets = self.draw(model, generator)
        plain: list[Int[Tensor, " n"]] = []
        distances: list[int] = []
        damaged: list[int] = []
        occluded: list[Int[Tensor, " n"]] = []
        other: list[Int[Tensor, " n"]] = []
        for number, (tokens, position, token) in enumerate(targets):
            shown = tokens.clone()
            shown[position] = model.mask
            copies, d = _nearest(shown == token, position)
            plain.append(shown)
            distances.append(d)
            others = _tokens_as_far(tokens, position, d, len(copies), generator)
            drawn = _replacements(targets.kinds, token, tokens[others], generator)
            if d > 0 and len(others) == len(copies) == len(drawn):
                damaged.append(number)
                occluded.append(shown.index_copy(0, copies, drawn))
                other.append(shown.index_copy(0, others, drawn))

        distance = torch.tensor(distances)
        everyone, some = torch.arange(len(plain)), torch.tensor(damaged, dtype=torch.long)
        forms = [(everyone, plain), (some, occluded), (some, other)]
        total = sum(len(rows) for _, rows in forms)
        answers: list[Answers] = []
        for condition, (asked, rows) in zip(self.conditions, forms, strict=True):
            if not rows:
                continue
            done = sum(len(answer.correct) for answer in answers)
            partly = subprogress(report_progress, done, done + len(rows), total)
            answers.append(self.ask(condition, model, targets, asked, rows, distance[asked], partly))
        return answers


def _nearest(copy: Tensor, position: int) -> tuple[Int[Tensor, " c"], int]:
    """The positions of the nearest copies, one or two, and their distance; none and −1 without a copy."""
    places = copy.nonzero()[:, 0]
    away = (places - position).abs()
    if not len(places):
        return places, -1
    return places[away == away.min()], int(away.min())


def _tokens_as_far(
    tokens: Int[Tensor, " n"], position: int, d: int, count: int, generator: torch.Generator
) -> Int[Tensor, " c"]:
    """The `count` tokens, neither copies nor special, whose distances are closest to d; ties are drawn."""
    place = torch.arange(len(tokens))
    off = ((place - position).abs() - d).abs() + torch.rand(len(tokens), generator=generator)
    free = tokens != tokens[position]
    free[[0, -1]] = False
    return place[free][off[free].argsort()[:count]]


def _replacements(
    kinds: Int[Tensor, " kinds"], token: int, replaced: Int[Tensor, " c"], generator: torch.Generator
) -> Int[Tensor, " c"]:
    """One random token for each replaced one, neither the hidden token nor a replaced one."""
    kinds = kinds[(kinds != token) & ~torch.isin(kinds, replaced)]
    if not len(kinds):
        return kinds
    return kinds[torch.randint(len(kinds), (len(replaced),), generator=generator)]
