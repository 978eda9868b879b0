"""What every corpus comes down to: an identity, and documents made of sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Source", "digest_files", "digest_modules"]

_CHUNK = 1 << 20


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


def digest_files(paths: Iterable[Path]) -> str:
    """SHA-256 of the contents of files, in order; their names do not matter."""
    digest = hashlib.sha256()
    for path in paths:
        content = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                content.update(chunk)
        digest.update(content.digest())
    return digest.hexdigest()


def digest_modules(*names: str) -> str:
    """SHA-256 of modules, named from this folder, so that what an older one prepared is not taken for new."""
    return digest_files(Path(__file__).parent / f"{name}.py" for name in names)
