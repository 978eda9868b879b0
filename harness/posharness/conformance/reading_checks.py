"""The checks of readings: well-formed answers about a model that computes something, from one generator."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from posharness.conformance.finding import Check
from posharness.conformance.randomness import drawn_since, global_states
from posharness.conformance.slot_checks import well_named
from posharness.contracts import Answers, MaskedModel, Reading
from posharness.contracts.cell import CORPUS, Choice
from posharness.registry.registry import Registry
from posharness.seeds import generator

__all__ = ["READING_CHECKS", "AskedReading"]

_PAD, _CLS, _SEP, _MASK, _FIRST = range(5)
_DOCUMENTS, _SENTENCES = 12, 8


class _SmallModel(MaskedModel):
    """A masked language model of random weights; words of one spelling have one token id."""

    pad, cls, sep, mask = _PAD, _CLS, _SEP, _MASK
    width, vocabulary, max_length = 16, 67, 128

    def __init__(self, seed: int = 0) -> None:
        draws = generator("conformance", "masked model", seed)
        self._table = torch.randn(self.vocabulary, self.width, generator=draws)
        self._places = torch.randn(self.max_length, self.width, generator=draws)

    def pieces(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        return [[[self._id(word)] for word in sentence] for sentence in sentences]

    def _id(self, word: str) -> int:
        number = int.from_bytes(sha256(word.encode()).digest()[:4], "big")
        return _FIRST + number % (self.vocabulary - _FIRST)

    def states(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        return self.layers(tokens, padding)[-1]

    def layers(self, tokens: Tensor, padding: Tensor | None = None) -> Tensor:
        embedded = self._table[tokens] + 0.1 * self._places[: tokens.shape[1]]
        real = torch.ones_like(tokens, dtype=torch.bool) if padding is None else ~padding
        kept = embedded * real[..., None]
        mixed = embedded + kept.sum(1, keepdim=True) / real.sum(1)[:, None, None]
        return torch.stack([embedded, mixed])

    def logits(self, states: Tensor) -> Tensor:
        return states @ self._table.T


@dataclass(frozen=True)
class AskedReading:
    """A reading, and a small model that it is asked of."""

    registry: Registry
    choice: Choice

    @cached_property
    def _temporary(self) -> tempfile.TemporaryDirectory[str]:
        # What is prepared from the sample text is of no use to anyone else.
        return tempfile.TemporaryDirectory(prefix="posharness-check-")

    @property
    def folder(self) -> Path:
        """Where the sample text is written and prepared."""
        return Path(self._temporary.name)

    def build(self) -> Reading:
        """The reading, prepared; one that needs a text and was given none reads a small treebank."""
        choice = self.choice
        if choice.params.get(CORPUS) == "":
            text = self.folder / "sample.conllu"
            text.write_text(_treebank(), "utf-8")
            choice = choice.model_copy(update={"params": {**choice.params, CORPUS: str(text)}})
        reading = self.registry.reading(choice)
        reading.prepare(self.folder)
        return reading

    @cached_property
    def reading(self) -> Reading:
        """The reading that most checks share."""
        return self.build()

    def read(self) -> list[Answers]:
        """Its answers; every call starts from the same state of the generator."""
        return list(
            self.reading.read(
                _SmallModel(), lambda: _SmallModel(1), generator("conformance", "reading"), lambda *_: None
            )
        )

    @cached_property
    def answers(self) -> list[Answers]:
        """The answers that most checks share."""
        return self.read()


def _treebank() -> str:
    """Sentences of a subject, an attribute, a verb and an object; their words come from a short list."""
    draws = generator("conformance", "treebank")

    def pick(words: str) -> str:
        known = words.split()
        return known[int(torch.randint(len(known), (), generator=draws))]

    lines: list[str] = []
    for document in range(_DOCUMENTS):
        lines.append(f"# newdoc id = {document}")
        for _ in range(_SENTENCES):
            number = pick("Sing Plur")
            subject = pick("dog cat child bird") + ("s" if number == "Plur" else "")
            lemma = pick("see hear like find")
            verb = lemma + ("s" if number == "Sing" else "")
            rows = [
                ("the", "the", "DET", "_", 2, "det"),
                (subject, subject, "NOUN", f"Number={number}", 6, "nsubj"),
                ("near", "near", "ADP", "_", 5, "case"),
                ("the", "the", "DET", "_", 5, "det"),
                (pick("house tree road"), "place", "NOUN", "Number=Sing", 2, "nmod"),
                (verb, lemma, "VERB", f"Number={number}|Person=3|Tense=Pres|VerbForm=Fin", 0, "root"),
                ("the", "the", "DET", "_", 8, "det"),
                (pick("dog cat child bird"), "thing", "NOUN", "Number=Sing", 6, "obj"),
                (".", ".", "PUNCT", "_", 6, "punct"),
            ]
            lines += [
                "\t".join([str(n), form, base, tag, "_", marks, str(head), relation, "_", "_"])
                for n, (form, base, tag, marks, head, relation) in enumerate(rows, start=1)
            ]
            lines.append("")
    return "\n".join(lines) + "\n"


def builds(asked: AskedReading) -> str:
    """It is built and prepared, under a name, with its objectives, strata and conditions."""
    reading = asked.reading
    for name in ("objectives", "strata", "conditions"):
        words = getattr(reading, name, ())
        if not all(isinstance(word, str) for word in words) or len(set(words)) != len(words):
            return f"{name} is {words!r}: expected words that differ"
    if not getattr(reading, "objectives", ()):
        return "it has no objectives"
    if reading.distance not in ("dependency", "span"):
        return f"distance is {reading.distance!r}: expected 'dependency' or 'span'"
    return well_named(reading.name)


def fingerprint(asked: AskedReading) -> str:
    """The fingerprint is text, and the same for a reading that is built anew."""
    one, two = asked.reading.fingerprint(), asked.build().fingerprint()
    if not isinstance(one, str):
        return f"its fingerprint is {type(one).__name__}: expected text"
    return "" if one == two else "built twice, its fingerprint differs"


def answers(asked: AskedReading) -> str:
    """There are answers, among them some of the first objective, unchanged."""
    for answer in asked.answers:
        if not isinstance(answer, Answers):
            return f"read gives {type(answer).__name__}: expected Answers"
    first = asked.reading.objectives[0]
    found = [a for a in asked.answers if a.objective == first and not a.condition and len(a.correct)]
    return "" if found else f"there is no answer to its first objective, {first!r}"


_TYPES = {"correct": (torch.bool,), "log_prob": (torch.float32, torch.float64)}
_WHOLE = (torch.int64, torch.int32)


def shapes(asked: AskedReading) -> str:
    """Every tensor of an answer has one number for each prediction, of the type of the contract."""
    for answer in asked.answers:
        due = tuple(answer.correct.shape)
        for field in fields(answer):
            tensor = getattr(answer, field.name)
            if not isinstance(tensor, Tensor):
                continue
            if tuple(tensor.shape) != due or tensor.ndim != 1:
                return f"{_name(answer)}: {field.name} has shape {tuple(tensor.shape)}: expected {due}"
            types = _TYPES.get(field.name, _WHOLE)
            if tensor.dtype not in types:
                return f"{_name(answer)}: {field.name} is of type {tensor.dtype}: expected {types[0]}"
    return ""


def ranges(asked: AskedReading) -> str:
    """Objectives, conditions and strata are declared, and positions are within their sequence."""
    reading = asked.reading
    for answer in asked.answers:
        if answer.objective not in reading.objectives:
            return f"the objective {answer.objective!r} is not among its objectives"
        if answer.condition and answer.condition not in reading.conditions:
            return f"the condition {answer.condition!r} is not among its conditions"
        if not 0 <= answer.chance <= 1:
            return f"{_name(answer)}: chance is {answer.chance}: expected 0 to 1"
        if answer.stratum is not None and _outside(answer.stratum, -1, max(len(reading.strata), 1)):
            return f"{_name(answer)}: a stratum is not among its {len(reading.strata)} strata"
        if (answer.position < 0).any() or (answer.position >= answer.length).any():
            return f"{_name(answer)}: a position is outside its sequence"
        if (answer.dependency_length < -1).any():
            return f"{_name(answer)}: a dependency length is below -1, the value for none"
        if not (answer.log_prob <= 1e-6).all():
            return f"{_name(answer)}: a log probability is above 0, or not a number"
    return ""


def _outside(tensor: Tensor, low: int, high: int) -> bool:
    return bool(((tensor < low) | (tensor >= high)).any())


def _name(answer: Answers) -> str:
    return f"{answer.objective} ({answer.condition})" if answer.condition else answer.objective


def deterministic(asked: AskedReading) -> str:
    """The same generator state gives the same answers."""
    again = asked.read()
    if len(again) != len(asked.answers):
        return "read twice, it gives another number of answers"
    for one, two in zip(asked.answers, again, strict=True):
        for field in fields(one):
            first, second = getattr(one, field.name), getattr(two, field.name)
            same = torch.equal(first, second) if isinstance(first, Tensor) else first == second
            if not same:
                return f"read twice from the same generator state, {field.name} of {_name(one)} differs"
    return ""


def randomness(asked: AskedReading) -> str:
    """It draws nothing from a global generator."""
    _ = asked.reading
    before = global_states()
    asked.read()
    return drawn_since(before)


READING_CHECKS: tuple[Check[AskedReading], ...] = (
    Check("builds", builds, gate=True),
    Check("fingerprint", fingerprint),
    Check("answers", answers, gate=True),
    Check("shapes", shapes, gate=True),
    Check("ranges", ranges),
    Check("deterministic", deterministic),
    Check("no global randomness", randomness),
)
