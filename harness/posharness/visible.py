"""Texts of others that cannot steer a terminal, turn the direction of a page, or fill it."""

from __future__ import annotations

import re

__all__ = ["RIGHT_TO_LEFT", "can_be_shown", "isolated", "shortened", "visible"]

_LONGEST = 2000
"""The number of characters of a text from which its middle is left out."""

_STEERS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_STEERING = re.compile(f"[{_STEERS}]")
"""Characters that move a cursor, change colours or turn the direction of a text, and halves of characters."""

RIGHT_TO_LEFT = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
"""A character of a word that runs right to left, as a pattern."""

_KNOWN = re.compile(RIGHT_TO_LEFT)
_WORD = rf"(?![(“])\S*?{RIGHT_TO_LEFT}(?:\S*[^\s.,;:!?()“”])?"
_WORDS = re.compile(f"{_WORD}(?: {_WORD})*")
_ISOLATED = re.compile(f"(\u2068[^{_STEERS}]*\u2069)")


def visible(text: str) -> str:
    """The text with a sign in place of each character that steers."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def isolated(text: str) -> str:
    """The visible text, in which words from right to left leave numbers beside them where they are.

    What is isolated already stays as it is, so that a text can be made visible again.
    """
    if not _KNOWN.search(text):
        return visible(text)
    parts = _ISOLATED.split(text)
    parts[::2] = (_WORDS.sub("\u2068\\g<0>\u2069", visible(part)) for part in parts[::2])
    return "".join(parts)


def shortened(text: str) -> str:
    """The text without the middle of an endless one."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def can_be_shown(name: str) -> bool:
    """Whether a name is neither endless nor holds anything that cannot be seen."""
    return len(name) <= _LONGEST and name.isprintable()
