"""A source of text: its identity, and its documents as lists of sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Source"]


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
