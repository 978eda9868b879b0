"""Reads UTF-8 text files, line by line, with errors that name the line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from posharness.contracts import UserError

__all__ = ["lines", "paragraphs"]


def lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, a byte-order mark left out.

    Raises:
        UserError: the file cannot be opened, a line is not UTF-8, or no text at all.
    """
    offset = 0
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(f"the corpus file {str(path)!r} cannot be read: {error.strerror}") from error
    with file:
        for number, line in enumerate(file, start=1):
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
    """Runs of lines between blank lines."""
    block: list[str] = []
    for line in lines(path):
        if line.strip():
            block.append(line)
        elif block:
            yield " ".join(block)
            block = []
    if block:
        yield " ".join(block)
