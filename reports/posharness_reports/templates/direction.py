"""Words that run right to left, such as the labels of plugins, in texts that run left to right.

A number beside such a word would change its side, and so the label that it seems to belong to. An isolated
word leaves what is beside it where it is. Texts without such words stay as they are.
"""

from __future__ import annotations

import re

from posharness.contracts.direction import RIGHT_TO_LEFT

__all__ = ["isolate_in_html", "isolate_in_markdown", "isolate_in_xml"]

_ANY, _LAST = r"(?:&#?\w+;|[^\s<>&`|])", r"(?:&#?\w+;|[^\s<>&`|.,;:!?()*“”])"
_WORD = rf"(?![(“*]){_ANY}*?{RIGHT_TO_LEFT}(?:{_ANY}*{_LAST})?"
_WORDS = rf"(?P<words>{_WORD}(?: {_WORD})*)"
"""Words one after the other, without the punctuation around them: a label may have several."""

_KNOWN = re.compile(RIGHT_TO_LEFT)
_MARKUP = r"<!--.*?-->|<(script|style|title|option|svg|bdi)\b.*?</\1>|<[^>]*>"
_IN_MARKUP = re.compile(f"{_MARKUP}|{_WORDS}", re.DOTALL)
# A field of a table holds a label alone, and code is copied.
_IN_MARKDOWN = re.compile(rf"^\|[^\n]*|^```.*?^```|`[^`\n]*`|{_WORDS}", re.DOTALL | re.MULTILINE)


def isolate_in_html(page: str) -> str:
    """The page with `<bdi>` around words in its text; figures are drawn with one label in a text."""
    return _isolated(page, _IN_MARKUP, "<bdi>", "</bdi>")


def isolate_in_xml(text: str) -> str:
    """The same with the characters that isolate, for texts that are no HTML."""
    return _isolated(text, _IN_MARKUP, "\u2068", "\u2069")


def isolate_in_markdown(text: str) -> str:
    """The same for Markdown, except in code and tables."""
    return _isolated(text, _IN_MARKDOWN, "\u2068", "\u2069")


def _isolated(text: str, pattern: re.Pattern[str], before: str, after: str) -> str:
    if not _KNOWN.search(text):
        return text
    return pattern.sub(lambda found: f"{before}{found[0]}{after}" if found["words"] else found[0], text)
