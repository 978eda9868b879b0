"""Settings and parameters as plain values: finite numbers, whole texts, and little nesting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["check_plain"]

_LARGEST = 2**63 - 1
"""The largest whole number that a tensor or a file of columns holds."""

_DEEPEST = 32
"""How deep values may be nested."""


def check_plain(value: Any, depth: int = 0) -> None:
    """Refuse what can be typed but never meant, wherever it is in a value.

    Raises:
        ValueError: a number is not finite or has no 64-bit representation, a text holds a NUL or half of a
            character, or the value is nested too deeply. The message is a clause.
    """
    if depth > _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("a whole number is beyond 64 bits")
    if isinstance(value, str) and not _is_whole(value):
        raise ValueError("a text holds a NUL or half of a character")
    if isinstance(value, Mapping):
        for pair in value.items():
            check_plain(pair, depth)
    elif isinstance(value, list | tuple):
        for item in value:
            check_plain(item, depth + 1)


def _is_whole(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
