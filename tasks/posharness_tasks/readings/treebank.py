"""The base of the readings of a treebank: its sentences and their fingerprint."""

from __future__ import annotations

from abc import ABC
from pathlib import Path

from posharness.contracts import Reading, UserError
from posharness_tasks.bert.digests import digest_files
from posharness_tasks.readings.documents import corpus_file, subsample, treebank_documents
from posharness_tasks.text.treebank import Sentence

__all__ = ["TreebankReading"]


class TreebankReading(Reading, ABC):
    """Sentences of a treebank, one a sequence: [CLS] sentence [SEP]; those that do not fit are left out.

    Args:
        corpus: path of a CoNLL-U file.
        sentences: about how many sentences are read at most, in documents spread evenly over the file.
    """

    def __init__(self, *, corpus: str = "", sentences: int = 4000) -> None:
        if sentences < 1:
            raise UserError(f"{self.name}[sentences={sentences}]: give one sentence or more.")
        self.corpus = corpus
        self.sentences = sentences
        self._fingerprint = ""

    def prepare(self, cache: Path) -> None:
        """Read the treebank; nothing is written."""
        path = corpus_file(self.name, self.corpus)
        self._documents: list[list[Sentence]] = subsample(treebank_documents(path), self.sentences)
        self._fingerprint = digest_files([path])

    def fingerprint(self) -> str:
        """SHA-256 of the file; "" before `prepare`."""
        return self._fingerprint
