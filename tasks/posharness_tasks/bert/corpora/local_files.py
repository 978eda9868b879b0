"""Corpora in local files: text, CoNLL-U, JSON and Parquet, also compressed; one, a folder or a pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path

from posharness.contracts import UserError
from posharness_tasks.bert.corpora.rows import file_rows, row_documents
from posharness_tasks.bert.corpora.source import COLUMN, Documents, Source
from posharness_tasks.bert.digests import digest_files
from posharness_tasks.bert.workers import each
from posharness_tasks.text.files import lines, paragraphs, suffix
from posharness_tasks.text.sentences import split_sentences
from posharness_tasks.text.treebank import count_treebank_words, read_treebank

__all__ = ["is_local", "local_source"]

_ROWS = (".json", ".jsonl", ".ndjson", ".parquet")
_TREEBANK = ".conllu"
_SUFFIXES = (".txt", ".text", ".md", _TREEBANK, *_ROWS)
_ENDINGS = (*_SUFFIXES, *(f"{ending}.gz" for ending in _SUFFIXES if ending != ".parquet"))
_LONGEST_DOCUMENT = 10_000
"""Sentences."""


def is_local(corpus: str) -> bool:
    """Whether a corpus is given as a path: it exists, or it is written like one."""
    return (
        os.path.exists(os.path.expanduser(corpus))
        or corpus.startswith((".", "/", "~"))
        or any(sign in corpus for sign in "*?[\\")
        or corpus.lower().endswith(_ENDINGS)
    )


def local_source(corpus: str, column: str = COLUMN, documents: Documents = "auto") -> Source:
    """A file, every file of a folder, or every file that a pattern (`texts/**/*.txt`) matches.

    Text is UTF-8, and may be compressed by gzip (`.txt.gz`). `documents` says what ends a document in text
    files. With "auto", blank lines separate documents in a single file, as in the format of BERT's own
    preprocessing; in a folder or a pattern, each file is one document. Otherwise, line breaks are white
    space. `split_sentences` finds the sentences. Text with 10,000 lines and no blank line, or 10,000
    sentences of a file that is one document, is cut there, so that one document never fills the memory.

    CoNLL-U (`.conllu`) marks its own documents and sentences (see `read_treebank`). In JSON (an array of
    objects), JSON lines and Parquet, each row is a document (see `row_documents`); `column` has its text.

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
    if documents == "auto":
        documents = "blank_lines" if single else "files"
    kinds = " ".join(sorted({suffix(file) for file in files}))
    words = partial(_treebank_words, files) if kinds == _TREEBANK else None
    identity = f"local {documents} {column} {kinds} {digest}"
    return Source(identity, partial(_documents, files, column, documents), words)


def _files(path: Path, corpus: str) -> list[Path]:
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.name.lower().endswith(_ENDINGS) and file.is_file()]
        problem = f"the corpus folder {corpus!r} has no file that ends in {', '.join(_SUFFIXES)}."
    else:
        found = [file for name in glob.glob(str(path), recursive=True) if (file := Path(name)).is_file()]
        problem = f"the corpus {corpus!r} does not exist: check the path."
    if not found:
        raise UserError(problem)
    return sorted(found)


def _documents(files: list[Path], column: str, documents: Documents) -> Iterator[list[str]]:
    for file in files:
        if suffix(file) in _ROWS:
            yield from row_documents(file_rows(file, column))
        elif suffix(file) == _TREEBANK:
            yield from _treebank_documents(file)
        elif documents == "lines":
            yield from each(split_sentences, (line for line in lines(file) if line.strip()))
        elif documents == "blank_lines":
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
