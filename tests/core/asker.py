"""A small reading, as a single-file plugin: the tests of readings, and of what runs them, pose it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from posharness.contracts import Answers, MaskedModel, Reading, UserError, hookimpl


class Asking(Reading):
    """Mask one word of a line and ask which it was; do before that what the mood demands."""

    name = "asking"
    aliases = ("ask",)
    summary = "The words of each line"
    objectives = ("word", "never asked")
    conditions = ("", "untrained")
    strata = ("first", "later")

    def __init__(self, *, corpus: str = "", mood: str = "", most: int = 3) -> None:
        self.corpus, self.mood, self.most = corpus, mood, most
        self._lines: list[list[str]] = []

    def prepare(self, cache: Path) -> None:
        try:
            self._lines = [line.split() for line in Path(self.corpus).read_text().splitlines()]
        except OSError as error:
            raise UserError(f"the text {self.corpus!r} cannot be read: {error.strerror}") from None

    def fingerprint(self) -> str:
        return hashlib.sha256(repr(self._lines).encode()).hexdigest()

    def read(
        self,
        model: MaskedModel,
        untrained: Callable[[], MaskedModel],
        generator: torch.Generator,
        report_progress: Callable[[int, int], None],
    ) -> Sequence[Answers]:
        if self.mood == "raise":
            raise ValueError("no luck\ntoday")
        if self.mood == "wait":
            Path(f"{self.corpus}.waiting").touch()
            while Path(f"{self.corpus}.wait").exists():
                time.sleep(0.05)
        if self.mood == "silent":
            return []
        asked = "stray" if self.mood == "stray" else "word"
        answers = [self._ask(asked, "", model, generator)]
        report_progress(1, 2)
        condition = "changed" if self.mood == "changed" else "untrained"
        answers.append(self._ask("word", condition, untrained(), generator))
        report_progress(2, 2)
        return answers

    def _ask(self, objective: str, condition: str, model: MaskedModel, generator: torch.Generator) -> Answers:
        rows: list[tuple[int, int, int, int, bool, float]] = []
        for number, words in enumerate(model.pieces(self._lines)):
            ids = [piece for word in words for piece in word]
            for place in torch.randperm(len(ids), generator=generator)[: self.most].tolist():
                tokens = torch.tensor([[model.cls, *ids, model.sep]])
                tokens[0, place + 1] = model.mask
                said = model.logits(model.states(tokens)[0, place + 1 : place + 2]).log_softmax(-1)[0]
                right = bool(said.argmax() == ids[place])
                rows.append(
                    (number, len(ids) + 2, place + 1, len(ids) - place, right, float(said[ids[place]]))
                )
        columns = [torch.tensor(column) for column in zip(*rows, strict=True)]
        sequence, length, position, distance, correct, log_prob = columns
        return Answers(
            objective=objective,
            condition=condition,
            length=length,
            sequence=sequence,
            position=position,
            dependency_length=distance,
            correct=correct,
            log_prob=log_prob,
            chance=0.25,
            stratum=(sequence > 0).long(),
        )


@hookimpl
def posharness_readings() -> Sequence[type[Reading]]:
    return [Asking]
