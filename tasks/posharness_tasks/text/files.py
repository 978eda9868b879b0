"""Reads UTF-8 text files piece by piece, gzip-compressed ones too, with errors that name the line."""

from __future__ import annotations

import gzip
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from posharness.contracts import UserError

__all__ = ["CHUNK", "chunks", "lines", "paragraphs", "suffix"]

CHUNK = 1 << 20
"""Bytes."""
_LONGEST_LINE = 1 << 26
"""Bytes."""
_LONGEST_PARAGRAPH = 10_000
"""Lines."""
_GZIP = ".gz"


def suffix(path: Path) -> str:
    """The ending that tells the format, in lower case: ".txt" for "a.TXT" and for "a.txt.gz"."""
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending == _GZIP else ending


def lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, without a byte-order mark.

    Raises:
        UserError: the file cannot be opened, or a line is not UTF-8, not text, or over 64 MB long.
    """
    offset = 0
    with _opened(path) as file:
        for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE), b""), start=1):
            if len(line) == _LONGEST_LINE:
                raise UserError(
                    f"the corpus file {str(path)!r} has a line {number} of over {_LONGEST_LINE >> 20} MB: "
                    "break it into lines, so that it can be read piece by piece."
                )
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise _not_utf8(path, number, offset + error.start, error.reason) from error
            if "\0" in text:
                raise UserError(
                    f"the corpus file {str(path)!r} is not text (a null byte in line {number}, byte "
                    f"{offset + line.index(0)}): give UTF-8 text, CoNLL-U, JSON, JSON lines or Parquet, "
                    "named by its usual ending."
                )
            offset += len(line)
            yield text


def chunks(path: Path) -> Iterator[str]:
    """A UTF-8 file in pieces of about a megabyte, without a byte-order mark.

    Raises:
        UserError: the file cannot be opened, or is not UTF-8.
    """
    decoder = getincrementaldecoder("utf-8-sig")()
    offset, number = 0, 1
    with _opened(path) as file:
        while True:
            content = file.read(CHUNK)
            pending = decoder.getstate()[0]  # the first bytes of a character that the last chunk cut
            try:
                text = decoder.decode(content, final=not content)
            except UnicodeDecodeError as error:
                number += error.object.count(b"\n", 0, error.start)
                place = offset - len(pending) + error.start
                raise _not_utf8(path, number, place, error.reason) from error
            if not content:
                return
            offset += len(content)
            number += content.count(b"\n")
            if text:
                yield text


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    compressed = path.suffix.lower() == _GZIP
    try:
        with cast("BinaryIO", gzip.open(path, "rb")) if compressed else path.open("rb") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"the corpus file {str(path)!r} cannot be read as gzip ({str(error).rstrip('.')}): "
            "compress it again, or give the text itself."
        ) from error
    except OSError as error:
        raise UserError(f"the corpus file {str(path)!r} cannot be read: {error.strerror}.") from error


def _not_utf8(path: Path, line: int, byte: int, reason: str) -> UserError:
    return UserError(
        f"the corpus file {str(path)!r} is not UTF-8 text (line {line}, byte {byte}: {reason}): "
        "convert it to UTF-8, e.g. with iconv."
    )


def paragraphs(path: Path) -> Iterator[str]:
    """Runs of lines between blank lines; a run of more than 10,000 lines is cut into pieces of that many."""
    block: list[str] = []
    for line in lines(path):
        if line.strip():
            block.append(line)
        if block and (not line.strip() or len(block) == _LONGEST_PARAGRAPH):
            yield " ".join(block)
            block = []
    if block:
        yield " ".join(block)
