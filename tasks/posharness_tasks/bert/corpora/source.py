"""A source of text: its identity, and its documents as lists of sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where text comes from.

    Attributes:
        identity: changes whenever the text may have changed; found without reading the text as text.
        documents: gives each document as the list of its sentences, anew on each call; raises
            `UserError` for what cannot be read.
    """

    identity: str
    documents: Callable[[], Iterator[list[str]]]
