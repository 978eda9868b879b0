"""Reads UTF-8 text files, line by line, with errors that name the line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from posharness.contracts import UserError

__all__ = ["lines", "paragraphs"]

_LONGEST_LINE = 1 << 26
"""Bytes."""
_LONGEST_PARAGRAPH = 10_000
"""Lines."""


def lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, a byte-order mark left out.

    Raises:
        UserError: the file cannot be opened, or a line is not UTF-8, no text at all, or over 64 MB long.
    """
    offset = 0
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(f"the corpus file {str(path)!r} cannot be read: {error.strerror}") from error
    with file:
        for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE), b""), start=1):
            if len(line) == _LONGEST_LINE:
                raise UserError(
                    f"the corpus file {str(path)!r} has a line {number} of over {_LONGEST_LINE >> 20} MB: "
                    "break it into lines, so that it can be read piece by piece"
                )
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"the corpus file {str(path)!r} is not UTF-8 text (line {number}, byte "
                    f"{offset + error.start}: {error.reason}): convert it to UTF-8, e.g. with iconv"
                ) from error
            if "\0" in text:
                raise UserError(
                    f"the corpus file {str(path)!r} is not text (a null byte in line {number}, byte "
                    f"{offset + line.index(0)}): give UTF-8 text, CoNLL-U, JSON, JSON lines or Parquet, "
                    "named by its usual ending"
                )
            offset += len(line)
            yield text


def paragraphs(path: Path) -> Iterator[str]:
    """Runs of lines between blank lines; one of more than 10,000 lines is given in pieces of so many."""
    block: list[str] = []
    for line in lines(path):
        if line.strip():
            block.append(line)
        if block and (not line.strip() or len(block) == _LONGEST_PARAGRAPH):
            yield " ".join(block)
            block = []
    if block:
        yield " ".join(block)
