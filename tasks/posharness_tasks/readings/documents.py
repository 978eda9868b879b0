"""Reads the text for a reading: a treebank or plain text, reduced to a sample where it is long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from posharness.contracts import UserError
from posharness_tasks.text.files import paragraphs
from posharness_tasks.text.sentences import split_sentences
from posharness_tasks.text.treebank import Sentence, read_treebank

__all__ = ["corpus_file", "subsample", "text_documents", "treebank_documents"]

T = TypeVar("T")


def corpus_file(reading: str, corpus: str) -> Path:
    """The path of a corpus.

    Raises:
        UserError: no corpus is named, or there is no such file.
    """
    if not corpus:
        raise UserError(f"{reading}: no text to read was given: name a CoNLL-U file with --treebank FILE.")
    path = Path(corpus).expanduser()
    if not path.is_file():
        raise UserError(f"{reading}: there is no file {corpus!r}: check the path of the text to read.")
    return path


def treebank_documents(path: Path) -> Iterator[list[Sentence]]:
    """The documents of a CoNLL-U file.

    Raises:
        UserError: while iterating: the file is malformed or empty.
    """
    document: list[Sentence] = []
    for sentence in read_treebank(path):
        if sentence.start_of_document and document:
            yield document
            document = []
        document.append(sentence)
    yield document


def text_documents(path: Path) -> Iterator[list[list[str]]]:
    """The documents of a CoNLL-U file (recognised by its suffix) or of plain text, as words.

    In plain text, blank lines separate documents, a rule finds the sentences, and white space separates
    words.

    Raises:
        UserError: while iterating: the file is malformed or not UTF-8.
    """
    if path.suffix.lower() in (".conllu", ".conll"):
        for document in treebank_documents(path):
            yield [[word.form for word in sentence.words] for sentence in document]
    else:
        for paragraph in paragraphs(path):
            yield [sentence.split() for sentence in split_sentences(paragraph)]


def subsample(documents: Iterable[list[T]], sentences: int) -> list[list[T]]:
    """All documents, or evenly spread ones with about `sentences` sentences in total.

    Documents are kept whole, but none beyond its first `sentences` sentences. The choice depends on the
    documents alone, so every model is asked the same.
    """
    # One pass and no second copy: while they come in, documents are halved whenever there are too many.
    kept: list[list[T]] = []
    step, total = 1, 0
    for number, document in enumerate(documents):
        if number % step:
            continue
        kept.append(document[:sentences])
        total += len(kept[-1])
        while total > 2 * sentences and len(kept) > 1:
            kept, step = kept[::2], step * 2
            total = sum(map(len, kept))
    share = min(1.0, sentences / total) if total else 1.0
    return [document for k, document in enumerate(kept) if int((k + 1) * share) > int(k * share)] or kept[:1]
