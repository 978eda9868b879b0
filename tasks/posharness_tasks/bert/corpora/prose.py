"""Keeps the English prose of documentation, and drops code, tables, signatures and markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

from posharness_tasks.text.sentences import split_sentences

__all__ = ["prose"]

_DOCTEST = re.compile(r"\s*(>>>|\.\.\. |In \[\d+\]:|\$ |% )")
_MARKER = re.compile(r"\s*([-*+•]|\d{1,2}[.)]|\(\d{1,2}\)|\[\d{1,2}\]|\([a-z]\)|[a-z]\))\s+(?=\S)")
_TERM = re.compile(r"\s*(?:[\w.*'\"|]+(?:\([^)]*\))?\s+--?\s+|[\w.]+\([^)]*\)\s*(?::|->)\s+)(?=\S)")
_DIRECTIVE = re.compile(r"\s*(\.\. |:\w[\w ]*:(?=\s|$)|@\w+)")
_RULE = re.compile(r"\s*([-=*~^+#_|.]{3,}|\+[-=+]+\+|-\[.*\]-)\s*$")
_COLUMNS = re.compile(r"\S {3,}\S")

_ROLE = re.compile(r":[\w:-]+:`~?([^`<]+?)(?:\s*<[^`>]*>)?`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{0,2}")
_TICKS = re.compile(r"``?([^`\s](?:[^`]*[^`\s])?)``?_{0,2}|`([^`'\s][^`'\n]*)'")
_STARS = re.compile(r"(?<![\w*])\*{1,2}(\w(?:[^*\n]*[\w)\"'.])?)\*{1,2}(?![\w*])")
_FOOTNOTE = re.compile(r"\s*\[(?:\d+|#\w*|[A-Z]\w*)\]_?(?=[\s.,;:)]|$)")
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\xa0": " "})

_CODE = re.compile(
    r"""[=<>{}\\|~^@%$#&_+*/`]{2,}   # operators, rules, leftover markup
      | [={}\\|~^$`]                 # signs that prose does not use
      | <[\w#/]|\w>                  # placeholders and tags
      | ->|:=|::|\(\)\.|\]\[|\)\(
      | \w\([^)\s]*[,=\[\]"'*]       # a call with arguments
      | \w\[[^\]\s]                  # an index
      | https?:|ftp:|www\.|[\w.]+@\w
      | \b0x|\\x
      | ^(?:from\s\S+\s)?import\s
      | ["']\s*["']\s*["']
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"[\"'(\[]*[A-Za-z][a-z]*(?:['-][A-Za-z]?[a-z]+)*['s]*[\"')\].,;:!?]*$")
_COMMON = """
a all also an and any are as at be been but by can did do does for from had has have if in into is it
its may must no not of on only or otherwise should so such than that the their them then there these
they this to used was were when where which while will with without would you
"""
_FUNCTION_WORDS = frozenset(_COMMON.split())


def prose(text: str) -> list[list[str]]:
    """The prose paragraphs of a documentation text, each a list of sentences.

    Blank lines, list markers and indentation separate blocks (paragraphs, list items). Doctests, literal
    blocks after `::`, tables, headings, directives and field lists are dropped, and inline markup is removed.
    A sentence is kept if it reads as English: it starts with a letter, has at least four words, of which
    three quarters are plain words and one is a function word, and contains no sign of code.

    Args:
        text: a docstring or topic without its common indentation.
    """
    paragraphs = []
    for block in _blocks(text.expandtabs().splitlines()):
        sentences = [s for s in split_sentences(_undo_markup(block)) if _is_prose(s)]
        if sentences:
            paragraphs.append(sentences)
    return paragraphs


def _blocks(lines: list[str]) -> Iterator[str]:
    """Blocks of running text; list markers and the terms of definition lists are removed."""
    block: list[str] = []
    indent = 0
    dropped: int | None = None  # inside a literal block: the indentation of the text that announced it
    doctest = False
    for line in [*lines, ""]:
        stripped = line.strip()
        depth = len(line) - len(line.lstrip())
        if not stripped:
            doctest = False
            yield from _finished(block)
            dropped = indent if block and block[-1].endswith("::") else dropped
            block = []
            continue
        if dropped is not None:
            if depth > dropped:
                continue
            dropped = None
        doctest = doctest or _DOCTEST.match(line) is not None
        if doctest or _RULE.match(line) or _DIRECTIVE.match(line):
            if not _RULE.match(line):  # an underlined line is a heading: it goes with its rule
                yield from _finished(block)
            block = []
            continue
        marker = _MARKER.match(line) or _TERM.match(line)
        if block and (marker or (depth != indent and not _goes_on(block[-1], stripped))):
            yield from _finished(block)
            block = []
        if not block or depth > indent:
            indent = depth
        block.append(stripped[marker.end() - depth :] if marker and not block else stripped)


def _goes_on(before: str, after: str) -> bool:
    """Whether a line at another indentation continues its sentence (a hanging indent)."""
    return before[-1] not in ".:!?;" and (after[0].islower() or before[-1] == ",")


def _finished(block: list[str]) -> Iterator[str]:
    if block and sum(bool(_COLUMNS.search(line)) for line in block) * 2 <= len(block):
        # A word that the line end has cut ("non-" / "numeric") is put together again.
        yield re.sub(r"(?<=[a-z]-) (?=[a-z])", "", " ".join(block))


def _undo_markup(text: str) -> str:
    text = text.translate(_PLAIN)
    text = _ROLE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _TICKS.sub(lambda match: match[1] or match[2], text)
    text = _STARS.sub(r"\1", text)
    text = _FOOTNOTE.sub("", text)
    text = re.sub(r'"{2,}(?=\w)|(?<=\w)"{2,}', '"', text)
    return text[:-1] if text.endswith("::") else text


def _is_prose(sentence: str) -> bool:
    words = sentence.split()
    if len(words) < 4 or not sentence.lstrip("\"'(")[:1].isalpha() or not sentence.isascii():
        return False
    if _CODE.search(sentence):
        return False
    plain = sum(_WORD.match(word) is not None for word in words)
    return plain * 4 >= len(words) * 3 and any(
        word.strip("\"'(),;:.").lower() in _FUNCTION_WORDS for word in words
    )
