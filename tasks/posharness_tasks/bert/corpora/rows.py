"""Reads a column of texts from JSON, JSON lines and Parquet files, and makes documents of its rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow
import pyarrow.parquet

from posharness.contracts import UserError
from posharness.contracts.strict_json import parse_json
from posharness_tasks.bert.corpora.json_array import elements
from posharness_tasks.bert.workers import each
from posharness_tasks.text.files import chunks, lines, suffix
from posharness_tasks.text.sentences import split_sentences

__all__ = ["file_rows", "row_documents"]

_TITLE = re.compile(r"\s*= [^=]+ =\s*$")
_HEADING = re.compile(r"\s*(= ){2,}[^=]+( =){2,}\s*$")


def row_documents(rows: Iterable[str]) -> Iterator[list[str]]:
    """Documents of a column of texts: each row is a document, and each of its lines a paragraph.

    If the column contains titles as in WikiText (` = Title = `), its rows are paragraphs: a document runs
    from one title to the next, without titles and headings.
    """
    article: list[str] | None = None
    for row in each(_read, rows):
        if row.title:
            if article:
                yield article
            article = []
        elif article is None:
            yield row.sentences
        elif not row.heading:
            article += row.sentences
    if article:
        yield article


class _Row(NamedTuple):
    title: bool
    heading: bool
    sentences: list[str]


def _read(row: str) -> _Row:
    sentences = [sentence for line in row.splitlines() for sentence in split_sentences(line)]
    return _Row(_TITLE.match(row) is not None, _HEADING.match(row) is not None, sentences)


def file_rows(path: Path, column: str) -> Iterator[str]:
    """The texts of a file that ends in .parquet, .json (an array, or lines), .jsonl or .ndjson.

    Args:
        column: the column of texts.

    Raises:
        UserError: the file is malformed, or has no such column of strings.
    """
    if suffix(path) == ".parquet":
        return _parquet(path, column)
    start = next((chunk.lstrip() for chunk in chunks(path) if not chunk.isspace()), "")
    return _json_array(path, column) if start.startswith("[") else _json_lines(path, column)


def _json_array(path: Path, column: str) -> Iterator[str]:
    for number, row in enumerate(elements(path), start=1):
        yield _field(row, column, path, f"element {number}")


def _parquet(path: Path, column: str) -> Iterator[str]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if column not in names:
                raise UserError(_no_column(path, column, names))
            for batch in file.iter_batches(batch_size=1024, columns=[column]):
                for number, text in enumerate(batch.column(0).to_pylist()):
                    if text is not None:
                        yield _checked(text, column, path, f"row {number}")
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # damaged pages, text that is not UTF-8
        raise UserError(
            f"the corpus file {str(path)!r} cannot be read as Parquet: {str(error).strip().rstrip('.')}."
        ) from error


def _json_lines(path: Path, column: str) -> Iterator[str]:
    for number, line in enumerate(lines(path), start=1):
        if line.strip():
            try:
                row = parse_json(line.encode())
            except json.JSONDecodeError as error:
                raise UserError(
                    f"the corpus file {str(path)!r} is neither a JSON array nor JSON lines: "
                    f"{error.msg} in line {number}, column {error.colno}."
                ) from error
            except ValueError as error:
                raise UserError(f"the corpus file {str(path)!r}, line {number}: {error}.") from error
            yield _field(row, column, path, f"line {number}")


def _field(row: object, column: str, path: Path, place: str) -> str:
    if not isinstance(row, dict) or column not in row:
        raise UserError(_no_column(path, column, row if isinstance(row, dict) else [], f" in {place}"))
    return _checked(row[column], column, path, place)


def _checked(text: object, column: str, path: Path, place: str) -> str:
    if not isinstance(text, str):
        raise UserError(
            f"the corpus file {str(path)!r} has a {column!r} of type {type(text).__name__} in {place}: "
            "every text must be a string."
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"the corpus file {str(path)!r} has half of a character in {place}.") from None
    return text


def _no_column(path: Path, column: str, names: Iterable[str], place: str = "") -> str:
    return (
        f"the corpus file {str(path)!r} has no column {column!r}{place} "
        f"(it has: {', '.join(names) or 'none'}): name the column of the texts with --text-column."
    )
