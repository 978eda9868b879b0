"""Reads a JSON array element by element, so that a large file is never in memory as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from posharness.contracts import UserError
from posharness_tasks.text.files import CHUNK, chunks

__all__ = ["elements"]

_LONGEST_SIGN = 16
"""The longest token of JSON except strings: parsing one that is cut off fails within this many characters."""


def elements(path: Path) -> Iterator[object]:
    """The elements of a file that contains one JSON array.

    Raises:
        UserError: the file is not UTF-8, or not a JSON array; the message gives line and column.
    """
    window = _Window(path)
    window.expect("[")
    if window.sign() != "]":
        yield window.value()
        while window.sign() == ",":
            window.expect(",")
            yield window.value()
    window.expect("]")
    if window.sign():
        raise window.error("Extra data", window.at)


class _Window:
    """The part of a file that is being read, and the place in it.

    Attributes:
        at: the index of the next character.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._chunks = chunks(path)
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._lines, self._column = 0, 0  # read before the window: lines, and characters of the last one
        self.at = 0

    def sign(self) -> str:
        """The next character that is not white space; "" at the end of the file."""
        while True:
            while self.at < len(self._text) and self._text[self.at] in " \t\n\r":
                self.at += 1
            if self.at < len(self._text) or not self._read_on():
                return self._text[self.at : self.at + 1]

    def expect(self, sign: str) -> None:
        """Move past a character; raise an error if the next one is another."""
        if self.sign() != sign:
            raise self.error(f"Expecting {sign!r}", self.at)
        self.at += 1

    def value(self) -> object:
        """The next value; reads on as long as it may be incomplete."""
        self.sign()
        while True:
            try:
                value, self.at = self._decoder.raw_decode(self._text, self.at)
            except json.JSONDecodeError as error:
                wrong = self.error(error.msg, error.pos)  # its position is read before the window moves
                cut_off = error.msg.startswith("Unterminated") or error.pos > len(self._text) - _LONGEST_SIGN
                if not (cut_off and self._read_on()):
                    raise wrong from error
            except (RecursionError, ValueError) as error:
                problem = "too deeply nested" if isinstance(error, RecursionError) else str(error)
                raise self.error(problem, self.at) from error
            else:
                return value

    def _read_on(self) -> bool:
        """Drop what was read, and double the rest, so that a long value is parsed only a few times."""
        self._lines, self._column = self._place(self.at)
        self._text = self._text[self.at :]
        self.at = 0
        more = "".join(islice(self._chunks, 1 + len(self._text) // CHUNK))
        self._text += more
        return bool(more)

    def error(self, problem: str, position: int) -> UserError:
        """The error for a problem at an index of the window."""
        lines, column = self._place(position)
        return UserError(
            f"the corpus file {str(self._path)!r} is not valid JSON: {problem} in line {lines + 1}, "
            f"column {column + 1}."
        )

    def _place(self, position: int) -> tuple[int, int]:
        """Lines before an index of the window, and characters before it in its own line."""
        lines = self._text.count("\n", 0, position)
        if not lines:
            return self._lines, self._column + position
        return self._lines + lines, position - self._text.rindex("\n", 0, position) - 1
