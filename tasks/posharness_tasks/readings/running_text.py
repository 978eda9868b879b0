"""The base of the readings of running text: the text, the masked targets and their scores."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness.contracts import Answers, MaskedModel, Reading, UserError
from posharness_tasks.bert.digests import digest_files
from posharness_tasks.readings.batching import Progress, longest, masked_log_probs
from posharness_tasks.readings.documents import corpus_file, subsample, text_documents
from posharness_tasks.readings.sequences import STRATA, Targets, draw_targets, pack_sequences

__all__ = ["RunningTextReading"]


class RunningTextReading(Reading, ABC):
    """Tokens of running text, masked one at a time; the rest of the sequence is complete.

    Consecutive sentences of a document are packed into sequences of up to `length` tokens. A sentence that
    does not fit begins a new sequence, and one longer than a sequence is cut. `predictions` of all their
    tokens are drawn uniformly. The strata are frequent tokens (the most frequent types, which make up half of
    the text) and rare tokens, both whole words, and pieces of words, which depend mainly on the rest of their
    word, which stays visible.

    Args:
        corpus: path of a CoNLL-U file (`.conllu`), or of plain text with blank lines between documents.
        length: most tokens of a sequence; less if the model reads less.
        predictions: most tokens that are asked.
        sentences: about how many sentences are read at most, in documents spread evenly over the file.
    """

    strata = STRATA

    def __init__(
        self, *, corpus: str = "", length: int = 128, predictions: int = 3000, sentences: int = 4000
    ) -> None:
        if min(predictions, sentences) < 1:
            raise UserError(
                f"{self.name}[predictions={predictions},sentences={sentences}]: give one or more of each."
            )
        self.corpus = corpus
        self.length = length
        self.predictions = predictions
        self.sentences = sentences
        self._fingerprint = ""

    def prepare(self, cache: Path) -> None:
        """Read the text; nothing is written."""
        path = corpus_file(self.name, self.corpus)
        self._documents = subsample(text_documents(path), self.sentences)
        if not any(sentence for document in self._documents for sentence in document):
            raise UserError(f"{self.name}: the file {self.corpus!r} has no words: give a file with text.")
        self._fingerprint = digest_files([path])

    def fingerprint(self) -> str:
        """SHA-256 of the file; "" before `prepare`."""
        return self._fingerprint

    def draw(self, model: MaskedModel, generator: torch.Generator) -> Targets:
        """Pack the text and draw the targets.

        Two readings draw the same targets from generators in the same state.
        """
        length = longest(model, self.length)
        texts = [text for document in self._documents for text in pack_sequences(model, document, length)]
        targets = draw_targets(model, texts, self.predictions, generator)
        if not len(targets.token):
            raise UserError(f"{self.name}: the model's tokenizer knows no word of {self.corpus!r}.")
        return targets

    def ask(
        self,
        condition: str,
        model: MaskedModel,
        targets: Targets,
        number: Int[Tensor, " m"],
        shown: Sequence[Int[Tensor, " _n"]],
        distance: Int[Tensor, " m"],
        report_progress: Progress,
    ) -> Answers:
        """Predict some of the targets, at least one, in sequences that are given in another form.

        Args:
            condition: how the question was changed; "" if it was not.
            number: the numbers of the targets.
            shown: the sequence of each, with the mask at the target's position.
            distance: the dependency length of each.
        """
        token, position = targets.token[number], targets.position[number]
        correct: Bool[Tensor, " m"] = torch.zeros(len(number), dtype=torch.bool)
        log_prob: Float[Tensor, " m"] = torch.zeros(len(number))
        for index, expected in masked_log_probs(model, shown, position[:, None], report_progress):
            correct[index] = expected[:, 0].argmax(-1) == token[index]
            log_prob[index] = expected[:, 0].gather(-1, token[index, None])[:, 0]
        return Answers(
            objective=self.objectives[0],
            condition=condition,
            length=torch.tensor([len(sequence) for sequence in shown], dtype=torch.long),
            sequence=targets.sequence[number],
            position=position,
            dependency_length=distance,
            correct=correct,
            log_prob=log_prob,
            chance=float(token.bincount().max()) / len(token),
            stratum=targets.stratum[number],
        )
