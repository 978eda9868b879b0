"""Texts of others that cannot steer a terminal, turn the direction of a page, or fill it."""

from __future__ import annotations

import re

__all__ = ["can_be_shown", "shortened", "visible"]

_LONGEST = 2000
"""The number of characters of a text from which its middle is left out."""

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that move a cursor, change colours or turn the direction of a text, and halves of characters."""


def visible(text: str) -> str:
    """The text with a sign in place of each character that steers."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def shortened(text: str) -> str:
    """The text without the middle of an endless one."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def can_be_shown(name: str) -> bool:
    """Whether a name is neither endless nor holds anything that cannot be seen."""
    return len(name) <= _LONGEST and name.isprintable()
