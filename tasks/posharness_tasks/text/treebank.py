"""Reads CoNLL-U treebanks sentence by sentence, with errors that name the line and the column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NoReturn

from conllu import Metadata, Token, TokenList, parse_token_and_metadata
from conllu.exceptions import ParseException
from conllu.parser import DEFAULT_FIELDS

from posharness.contracts import UserError
from posharness_tasks.text.files import lines

__all__ = ["Sentence", "Word", "count_treebank_words", "read_treebank"]

_DOCUMENT = 20
"""Sentences of a document where the file marks neither documents nor paragraphs."""
_NEW = {"newdoc": re.compile(r"#\s*newdoc\b"), "newpar": re.compile(r"#\s*newpar\b")}
_PARSERS = {"deps": lambda columns, i: columns[i]}  # enhanced dependencies are not read
_TWO_SPACES = re.compile(" {2,}")


@dataclass(frozen=True, slots=True)
class Word:
    """A syntactic word.

    Attributes:
        feats: morphological features, e.g. {"Number": "Sing"}.
        head: number of the word that it depends on, from 1; 0 for the root.
        relation: relation to the head, e.g. "nsubj:pass".
    """

    form: str
    lemma: str
    upos: str
    feats: dict[str, str]
    head: int
    relation: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and its tree.

    Attributes:
        words: numbered from 1 to n; ranges ("1-2") and empty nodes ("8.1") are not words.
        text: the raw sentence.
        start_of_document: whether a document begins here; see `read_treebank`.
    """

    words: tuple[Word, ...]
    text: str
    start_of_document: bool


def read_treebank(path: Path) -> Iterator[Sentence]:
    """The sentences of a CoNLL-U file, which is never in memory as a whole.

    A sentence's text is its comment `# text` or else its forms, with a space after each unless it has
    `SpaceAfter=No`; a range replaces its words. Documents begin at `# newdoc`; in a file without these, at
    `# newpar`; without either, at every 20th sentence. The first sentence always begins a document.

    Raises:
        UserError: while iterating: the file cannot be read, is not UTF-8, has no sentence, or is malformed;
            the message gives the line and the column.
    """
    mark = _mark(path)
    number = -1
    for number, block in zip(count(), _blocks(path), strict=False):
        metadata, tokens = block.parsed()
        starts = any(key.split()[0] == mark for key in metadata) if mark else number % _DOCUMENT == 0
        words = block.words(tokens)
        text = metadata.get("text") or _surface(tokens)
        yield Sentence(words, text, start_of_document=number == 0 or starts)
    if number < 0:
        raise UserError(f"the treebank {str(path)!r} is empty: give CoNLL-U with at least one sentence.")


def count_treebank_words(path: Path) -> int:
    """The number of words of a CoNLL-U file that `read_treebank` has read without an error."""
    return sum(line.partition("\t")[0].isdecimal() for line in lines(path))


def _mark(path: Path) -> str | None:
    """The comment that begins a document in this file: the first of `newdoc` and `newpar` that occurs."""
    for name, comment in _NEW.items():
        if any(comment.match(line) for line in lines(path)):
            return name
    return None


@dataclass(slots=True)
class _Block:
    """The lines of one sentence.

    Attributes:
        comments, rows: number and text of each line.
    """

    path: Path
    comments: list[tuple[int, str]]
    rows: list[tuple[int, str]]

    def parsed(self) -> tuple[Metadata, list[Token]]:
        """The metadata and the tokens of the lines; the tokens in the order of the rows."""
        if not self.rows:
            self._refuse(self.comments[0][0], None, "has comments but no words after them: remove them")
        for line, row in self.rows:
            columns = row.split("\t")
            if len(columns) != len(DEFAULT_FIELDS):
                self._refuse(
                    line,
                    None,
                    f"has {len(columns)} columns instead of {len(DEFAULT_FIELDS)}, separated by tabs",
                )
            for field, value in zip(DEFAULT_FIELDS, columns, strict=True):
                if not value.strip() or (field != "misc" and _TWO_SPACES.search(value)):
                    self._refuse(
                        line, field, f"is {value!r}: write _ for nothing, and no more than one space"
                    )
        try:
            found = _parse([text for _, text in (*self.comments, *self.rows)])
        except ParseException:
            self._find_fault()
        return found.metadata, found

    def _find_fault(self) -> NoReturn:
        for line, row in self.rows:
            try:
                _parse([row])
            except ParseException as error:
                field = next((name for name in DEFAULT_FIELDS if f"'{name}'" in str(error)), None)
                value = row.split("\t")[DEFAULT_FIELDS.index(field)] if field else row
                self._refuse(line, field, f"cannot be {value!r}")
        raise AssertionError(self.rows)

    def words(self, tokens: list[Token]) -> tuple[Word, ...]:
        """The words among the tokens; checks their numbers and their heads."""
        found: list[Token] = []
        rows: list[int] = []  # the line of each word
        covered = 0  # the last word of the last range
        total = sum(isinstance(token["id"], int) for token in tokens)
        for (line, _), token in zip(self.rows, tokens, strict=True):
            match token["id"]:
                case int(number) if number == len(found) + 1:
                    self._check(line, token, total)
                    found.append(token)
                    rows.append(line)
                case (first, "-", _) if first == len(found) + 1 and first <= covered:
                    self._refuse(line, "id", f"is a range that overlaps the one up to word {covered}")
                case (first, "-", last) if first == len(found) + 1 and last <= total:
                    covered = last
                case (after, ".", _) if after == len(found):
                    pass
                case _:
                    self._refuse(line, "id", f"does not follow: word {len(found) + 1} of {total} is expected")
        if not found:
            self._refuse(self.rows[0][0], "id", "begins a sentence without words")
        self._check_tree([token["head"] for token in found], rows)
        return tuple(
            Word(
                token["form"],
                token["lemma"],
                token["upos"],
                token["feats"] or {},
                token["head"],
                token["deprel"],
            )
            for token in found
        )

    def _check(self, line: int, token: Token, total: int) -> None:
        head = token["head"]
        if head is None or not 0 <= head <= total or head == token["id"]:
            given = "_" if head is None else head
            self._refuse(
                line, "head", f"is {given}: give the number of another word, 1 to {total}, or 0 for the root"
            )
        if not all((token["feats"] or {}).values()):
            self._refuse(line, "feats", "is not a list of Name=Value, separated by |")

    def _check_tree(self, heads: list[int], rows: list[int]) -> None:
        """Refuse a second root, and a word that never reaches a root; both in linear time."""
        roots = [line for line, head in zip(rows, heads, strict=True) if head == 0]
        if len(roots) > 1:
            self._refuse(
                roots[1], "head", f"is a second root, after that of line {roots[0]}: a sentence has one"
            )
        reaches = [True] + [False] * len(heads)  # of word 0, the root's head
        for word in range(1, len(reaches)):
            path = dict[int, None]()
            while not reaches[word] and word not in path:
                path[word] = None
                word = heads[word - 1]
            if not reaches[word]:
                self._refuse(rows[word - 1], "head", "is on a cycle: a path from every word leads to a root")
            for passed in path:
                reaches[passed] = True

    def _refuse(self, line: int, field: str | None, problem: str) -> NoReturn:
        column = f", column {DEFAULT_FIELDS.index(field) + 1} ({field.upper()})" if field else ""
        raise UserError(f"the treebank {str(self.path)!r} is not CoNLL-U: line {line}{column} {problem}.")


def _parse(texts: list[str]) -> TokenList:
    return parse_token_and_metadata("\n".join(texts), field_parsers=_PARSERS)


def _blocks(path: Path) -> Iterator[_Block]:
    """Runs of lines between blank lines."""
    block = _Block(path, [], [])
    for number, line in enumerate(lines(path), start=1):
        text = line.rstrip("\r\n")
        if not text.strip():
            if block.comments or block.rows:
                yield block
            block = _Block(path, [], [])
        else:
            (block.comments if text.startswith("#") else block.rows).append((number, text))
    if block.comments or block.rows:
        yield block


def _surface(tokens: list[Token]) -> str:
    """The text of the forms: a range replaces its words, and empty nodes are skipped."""
    text, covered = "", 0
    for token in tokens:
        match token["id"]:
            case int(number) if number > covered:
                covered = number
            case (_, "-", last):
                covered = last
            case _:
                continue
        text += token["form"] + ("" if (token["misc"] or {}).get("SpaceAfter") == "No" else " ")
    return text.strip()
