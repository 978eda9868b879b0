"""Corpora in local files: plain text, CoNLL-U, JSON and Parquet; one file, a folder or a pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path

from posharness.contracts import UserError
from posharness_tasks.bert.corpora.rows import file_rows, row_documents
from posharness_tasks.bert.corpora.source import Source
from posharness_tasks.bert.digests import digest_files
from posharness_tasks.bert.workers import each
from posharness_tasks.text.files import paragraphs
from posharness_tasks.text.sentences import split_sentences
from posharness_tasks.text.treebank import count_treebank_words, read_treebank

__all__ = ["is_local", "local_source"]

_ROWS = (".json", ".jsonl", ".ndjson", ".parquet")
_TREEBANK = ".conllu"
_SUFFIXES = (".txt", ".text", ".md", _TREEBANK, *_ROWS)
_LONGEST_DOCUMENT = 10_000
"""Sentences."""


def is_local(corpus: str) -> bool:
    """Whether a corpus is given as a path: it exists, or it is written like one."""
    return (
        os.path.exists(os.path.expanduser(corpus))
        or corpus.startswith((".", "/", "~"))
        or any(sign in corpus for sign in "*?[\\")
        or corpus.lower().endswith(_SUFFIXES)
    )


def local_source(corpus: str) -> Source:
    """A file, every file of a folder, or every file that a pattern (`texts/**/*.txt`) matches.

    Text is UTF-8. In a single text file, blank lines separate documents, as in the format of BERT's own
    preprocessing; in a folder or a pattern, each text file is one document. Line breaks are white space, and
    `split_sentences` finds the sentences. Text with 10,000 lines and no blank line, or 10,000 sentences of
    one file in a folder, is cut there, so that one document never fills the memory.

    CoNLL-U (`.conllu`) marks its own documents and sentences (see `read_treebank`). In JSON (an array of
    objects), JSON lines and Parquet, the column `text` of each row is a document (see `row_documents`).

    Raises:
        UserError: no file is found, or it cannot be read; while iterating: a file is malformed.
    """
    path = Path(os.path.expanduser(corpus))
    single = path.is_file()
    try:
        files = [path] if single else _files(path, corpus)
        digest = digest_files(files)
    except OSError as error:
        raise UserError(f"the corpus {corpus!r} cannot be read: {error.strerror}.") from error
    kinds = " ".join(sorted({file.suffix.lower() for file in files}))
    words = partial(_treebank_words, files) if kinds == _TREEBANK else None
    return Source(f"local {single} {kinds} {digest}", partial(_documents, files, single), words)


def _files(path: Path, corpus: str) -> list[Path]:
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file()]
        problem = f"the corpus folder {corpus!r} has no file that ends in {', '.join(_SUFFIXES)}."
    else:
        found = [file for name in glob.glob(str(path), recursive=True) if (file := Path(name)).is_file()]
        problem = f"the corpus {corpus!r} does not exist: check the path."
    if not found:
        raise UserError(problem)
    return sorted(found)


def _documents(files: list[Path], single: bool) -> Iterator[list[str]]:
    for file in files:
        if file.suffix.lower() in _ROWS:
            yield from row_documents(file_rows(file))
        elif file.suffix.lower() == _TREEBANK:
            yield from _treebank_documents(file)
        elif single:
            yield from each(split_sentences, paragraphs(file))
        else:
            yield from _pieces(chain.from_iterable(each(split_sentences, paragraphs(file))))


def _pieces(sentences: Iterator[str]) -> Iterator[list[str]]:
    """One document, or several if it is too long; an empty one for an empty file."""
    yield list(islice(sentences, _LONGEST_DOCUMENT))
    while rest := list(islice(sentences, _LONGEST_DOCUMENT)):
        yield rest


def _treebank_words(files: list[Path]) -> int:
    return sum(map(count_treebank_words, files))


def _treebank_documents(file: Path) -> Iterator[list[str]]:
    document: list[str] = []
    for sentence in read_treebank(file):
        if sentence.start_of_document and document:
            yield document
            document = []
        document.append(" ".join(sentence.text.split()))
    yield document
