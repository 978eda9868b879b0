"""A source of text: its identity, and its documents as lists of sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["COLUMN", "Documents", "Source"]

COLUMN = "text"
"""The column of texts in rows, unless another one is named."""

Documents = Literal["auto", "blank_lines", "lines", "files"]
"""What ends a document in text files: a blank line, a line, or the file. "auto" is a blank line in a single
file, and the file in a folder or a pattern."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where text comes from.

    Attributes:
        identity: changes whenever the text may have changed; found without parsing the text.
        documents: returns an iterator over the documents, each a list of sentences; raises `UserError` for
            text that cannot be read.
        words: returns the number of words, where the source marks them; None where it does not.
    """

    identity: str
    documents: Callable[[], Iterator[list[str]]]
    words: Callable[[], int] | None = None
