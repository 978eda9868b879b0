"""The pieces of a vocabulary, as examples show them."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["piece_names"]


def piece_names(tokenizer: Path) -> tuple[str, ...]:
    """The piece of each token id, from a tokenizer's file."""
    vocabulary: dict[str, int] = json.loads(tokenizer.read_text("utf-8"))["model"]["vocab"]
    return tuple(sorted(vocabulary, key=vocabulary.__getitem__))
