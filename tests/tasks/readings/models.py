"""Models whose answers are known: of whole words, with states that hold what the test puts in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from posharness.contracts import Answers, MaskedModel, Reading

PAD, CLS, SEP, MASK, FIRST = range(5)
TREEBANK = Path(__file__).resolve().parents[4] / "shared" / "data" / "ud_english_ewt"


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Words(MaskedModel):
    """A word is one piece, or one for each part that "+" sets off; "~" is dropped by the tokenizer.

    Attributes:
        seen: the sequences that it was given, without padding.
    """

    pad, cls, sep, mask = PAD, CLS, SEP, MASK

    def __init__(self, words: Sequence[str], *, max_length: int | None = None) -> None:
        self.ids = {word: FIRST + n for n, word in enumerate(words)}
        self.names = {n: word for word, n in self.ids.items()}
        self.vocabulary = FIRST + len(words)
        self.width = self.vocabulary
        self.max_length = max_length
        self.seen: list[list[int]] = []

    def pieces(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        return [
            [[] if word == "~" else [self.ids[part] for part in word.split("+")] for word in sentence]
            for sentence in sentences
        ]

    @torch.inference_mode()
    def states(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        assert padding is None or padding.shape == tokens.shape
        assert self.max_length is None or tokens.shape[1] <= self.max_length
        rows = []
        for n, row in enumerate(tokens):
            real = row if padding is None else row[~padding[n]]
            assert [int(real[0]), int(real[-1])] == [CLS, SEP]
            self.seen.append(real.tolist())
            states = torch.zeros(len(row), self.width)
            states[: len(real)] = self.inside(real)
            rows.append(states)
        return torch.stack(rows)

    def layers(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        return self.states(tokens, padding)[None]

    @torch.inference_mode()
    def logits(self, states: Tensor) -> Tensor:
        return states

    def inside(self, tokens: Tensor) -> Tensor:
        """The states of one sequence: here the logits, by `guess` at masks."""
        states = torch.zeros(len(tokens), self.width)
        for place in (tokens == MASK).nonzero()[:, 0].tolist():
            states[place, self.guess(tokens, place)] = 20.0
        return states

    def guess(self, tokens: Tensor, place: int) -> int:
        raise NotImplementedError


class Constant(Words):
    """Answers the same word always."""

    answer: str

    def guess(self, tokens: Tensor, place: int) -> int:
        return self.ids[self.answer]


def ask(
    reading: Reading,
    model: MaskedModel,
    untrained: Callable[[], MaskedModel] | None = None,
    *,
    seed: int = 0,
    folder: Path = Path(),
) -> dict[str, Answers]:
    """The answers by condition, checked to be what the contract says."""
    told: list[tuple[int, int]] = []
    reading.prepare(folder)
    found = reading.read(
        model, untrained or (lambda: model), seeded(seed), lambda done, whole: told.append((done, whole))
    )
    assert {answers.objective for answers in found} <= set(reading.objectives)
    assert {answers.condition for answers in found} <= set(reading.conditions)
    assert (found[0].objective, found[0].condition) == (reading.objectives[0], "")
    assert told == sorted(told)
    assert len({whole for _, whole in told}) == 1
    assert told[-1][0] == told[-1][1]
    for answers in found:
        m = len(answers.correct)
        for name in ("length", "sequence", "position", "dependency_length", "log_prob", "stratum"):
            assert getattr(answers, name).shape == (m,), name
        assert answers.correct.dtype == torch.bool
        assert answers.stratum is not None
        assert bool(((answers.stratum >= 0) & (answers.stratum < len(reading.strata))).all())
        assert bool(((answers.position > 0) & (answers.position < answers.length - 1)).all())
        assert bool((answers.log_prob <= 0).all())
        assert bool(((answers.dependency_length > 0) | (answers.dependency_length == -1)).all())
    return {answers.condition: answers for answers in found}


def accuracy(answers: Answers, among: Tensor | None = None) -> float:
    correct = answers.correct if among is None else answers.correct[among]
    assert len(correct)
    return float(correct.float().mean())


def same(one: dict[str, Answers], other: dict[str, Answers]) -> bool:
    """Whether all tensors are equal."""
    fields = ("length", "sequence", "position", "dependency_length", "correct", "log_prob", "stratum")
    return one.keys() == other.keys() and all(
        torch.equal(getattr(one[name], field), getattr(other[name], field))
        for name in one
        for field in fields
    )
