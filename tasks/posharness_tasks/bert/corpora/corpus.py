"""Finds a corpus by its name and writes it once: one sentence a line, a blank line after each document."""

from __future__ import annotations

import hashlib
import json
from array import array
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from posharness.contracts import UserError
from posharness_tasks.bert.cached import cached_folder
from posharness_tasks.bert.corpora.hub import hub_source, is_hub_id
from posharness_tasks.bert.corpora.local_files import is_local, local_source
from posharness_tasks.bert.corpora.python_docs import PYTHON_DOCS, python_docs, python_docs_sources
from posharness_tasks.bert.corpora.source import COLUMN, Documents, Source
from posharness_tasks.bert.digests import digest_files, digest_modules
from posharness_tasks.text.words import count_words

__all__ = ["Corpus", "find_source", "prepare_corpus"]

_FEWEST_WORDS = 1000
_FEWEST_SENTENCES = 6
_CODE = (
    *(f"bert/corpora/{name}" for name in (
        "corpus", "hub", "json_array", "local_files", "prose", "python_docs", "rows", "source"
    )),
    "text/files", "text/sentences", "text/treebank",
    "text/words",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus on disk.

    Attributes:
        name: as the user gave it.
        text: the file: one sentence a line, documents separated by blank lines, UTF-8.
        sha256: SHA-256 of that file.
        words: those of the treebank in CoNLL-U, else as `count_words` counts.
        copies: documents that repeat an earlier one word for word.
    """

    name: str
    text: Path
    sha256: str
    documents: int
    sentences: int
    words: int
    copies: int


def find_source(name: str, column: str = COLUMN, documents: Documents = "auto") -> Source:
    """The source of a corpus by its name: `python-docs`, a path, or an id on the Hub.

    Raises:
        UserError: the name is none of these.
    """
    if name == PYTHON_DOCS:
        sources = python_docs_sources()
        return Source(f"{PYTHON_DOCS} {digest_files(sources)}", partial(python_docs, sources))
    if name and is_local(name):
        return local_source(name, column, documents)
    if is_hub_id(name):
        return hub_source(name, column)
    raise UserError(
        f"the corpus {name!r} is neither a file nor the id of a data set: give {PYTHON_DOCS!r}, the path of "
        "a text, CoNLL-U, JSON or Parquet file, or an id such as 'wikitext:wikitext-2-raw-v1'."
    )


def prepare_corpus(name: str, cache: Path, column: str = COLUMN, documents: Documents = "auto") -> Corpus:
    """The corpus in the cache, written on first use.

    Args:
        column, documents: see `local_source`.

    Raises:
        UserError: it cannot be read, or is too small to be split into training, validation and test.
    """
    source = find_source(name, column, documents)
    key = hashlib.sha256(f"{digest_modules(*_CODE)} {source.identity}".encode()).hexdigest()[:32]
    folder = cached_folder(cache / "corpora", key, partial(_write, name, source))
    facts = json.loads((folder / "corpus.json").read_text("utf-8"))
    return Corpus(name, folder / "text.txt", **facts)


def _write(name: str, source: Source, folder: Path) -> None:
    documents = sentences = words = empty = 0
    digest = hashlib.sha256()
    seen = array("Q")
    with (folder / "text.txt").open("wb") as file:
        for document in source.documents():
            if not document:
                empty += 1
            else:
                documents += 1
                sentences += len(document)
                words += 0 if source.words else count_words(document)
                text = ("\n".join(document) + "\n\n").encode()
                seen.frombytes(hashlib.sha256(text).digest()[: seen.itemsize])
                digest.update(text)
                file.write(text)
    words = source.words() if source.words else words
    if sentences < _FEWEST_SENTENCES or words < _FEWEST_WORDS:
        beside = f" (and {empty} empty ones)" if empty else ""
        raise UserError(
            f"the corpus {name!r} is too small: {documents} documents{beside}, {sentences} sentences, "
            f"{words} words; at least {_FEWEST_SENTENCES} sentences and {_FEWEST_WORDS} words are needed."
        )
    facts = {
        "sha256": digest.hexdigest(),
        "documents": documents,
        "sentences": sentences,
        "words": words,
        "copies": documents - len(np.unique(np.array(seen))),
    }
    (folder / "corpus.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
