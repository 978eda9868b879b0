"""The reading truncation: prediction of a masked token from the tokens within a radius of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from posharness.contracts import Answers, MaskedModel
from posharness_tasks.readings.running_text import RunningTextReading


class Truncation(RunningTextReading):
    """Mask one token and every token farther than r from it; positions are unchanged.

        r = 2        [CLS] [MASK] [MASK] saw the [MASK] , and [MASK] [MASK] [SEP]

    The radius takes the values 1, 2, 4, … until it covers the longest sequence, and each target is asked at
    each radius. r is the dependency length: a *span*, since the tokens that the model uses may be anywhere
    within it. The two special tokens are always visible; they show where the text ends, which the masks show
    as well. Chance is the share of the commonest token among the targets.
    """

    name = "truncation"
    summary = "Masked tokens of running text, with everything beyond a radius masked too"
    distance = "span"
    objectives = ("truncation",)

    def __init__(
        self, *, corpus: str = "", length: int = 128, predictions: int = 1000, sentences: int = 4000
    ) -> None:
        # Fewer than of the nearest copy, since each is asked at each rung.
        super().__init__(corpus=corpus, length=length, predictions=predictions, sentences=sentences)

    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        report_progress: Callable[[int, int], None],
    ) -> Sequence[Answers]:
        targets = self.draw(model, generator)
        rows: list[Tensor] = []
        number: list[int] = []
        radius: list[int] = []
        longest = max(len(text.tokens) for text in targets.texts) - 2
        for r in (2**rung for rung in range(max(longest - 2, 0).bit_length() + 1)):
            for index, (tokens, position, _) in enumerate(targets):
                away = (torch.arange(len(tokens)) - position).abs()
                hidden = (away == 0) | (away > r)
                hidden[[0, -1]] = False
                rows.append(tokens.where(~hidden, model.mask))
                number.append(index)
                radius.append(r)
        asked = torch.tensor(number)
        return [
            self.ask("", model, targets, asked, rows, torch.tensor(radius), report_progress),
        ]
