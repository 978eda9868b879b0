"""Nearest copy: how well a hidden token is restored, by the distance of its nearest visible copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Answers, MaskedModel
from posharness_tasks.readings.batching import subprogress
from posharness_tasks.readings.running_text import RunningTextReading


class NearestCopy(RunningTextReading):
    """One token is masked; d is the distance in tokens to its nearest copy, -1 where there is none.

        the cat saw the dog , and [MASK] dog ran        "the": d = 4

    A copy is neither necessary nor sufficient to restore a token, so there is a causal version by occlusion,
    in rows that pair by (sequence, position). The conditions are:

    * none: the sequence as it is.
    * `occluded`: the nearest copy (both, where two are equally near) shows a random token instead.
    * `other occluded`: a token that is no copy shows it instead, the one at the same distance on
      the other side, or where there is none, the one whose distance is nearest to d.

    How far log p falls from the first to the second is what the copy was worth at d, and from the first to
    the third what any such damage costs. The random token is one of the text's types, each as likely, and
    the same in both. Targets without a copy, or without another token to replace, are asked unchanged alone.
    Chance is the share of the commonest token among those asked.
    """

    name = "nearest_copy"
    aliases = ("copy",)
    summary = "Hidden tokens of running text, by the distance of the nearest visible copy"
    objectives = ("copy",)
    conditions = ("", "occluded", "other occluded")

    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        tell: Callable[[int, int], None],
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
            partly = subprogress(tell, done, done + len(rows), total)
            answers.append(self.ask(condition, model, targets, asked, rows, distance[asked], partly))
        return answers


def _nearest(copy: Tensor, position: int) -> tuple[Int[Tensor, " c"], int]:
    """Where the nearest copies stand, one or two, and how far; none, and -1."""
    places = copy.nonzero()[:, 0]
    away = (places - position).abs()
    if not len(places):
        return places, -1
    return places[away == away.min()], int(away.min())


def _tokens_as_far(
    tokens: Int[Tensor, " n"], position: int, d: int, count: int, generator: torch.Generator
) -> Int[Tensor, " c"]:
    """So many tokens that are no copy, nor special, whose distances are nearest to d; ties are drawn."""
    place = torch.arange(len(tokens))
    off = ((place - position).abs() - d).abs() + torch.rand(len(tokens), generator=generator)
    free = tokens != tokens[position]
    free[[0, -1]] = False
    return place[free][off[free].argsort()[:count]]


def _replacements(
    kinds: Int[Tensor, " kinds"], token: int, replaced: Int[Tensor, " c"], generator: torch.Generator
) -> Int[Tensor, " c"]:
    """As many random tokens, none of which is the hidden one or one of those it may stand for."""
    kinds = kinds[(kinds != token) & ~torch.isin(kinds, replaced)]
    if not len(kinds):
        return kinds
    return kinds[torch.randint(len(kinds), (len(replaced),), generator=generator)]
