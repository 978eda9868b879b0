"""The little language of `--plugins`: `name`, `name[param=value]`, and `a|b` for a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from posharness.contracts.strict_json import parse_json
from posharness.errors import UserError

__all__ = ["Selection", "parse", "parse_all", "split"]

_OPENING, _CLOSING = "[", "]"
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Selection:
    """A plugin's name or alias, and the parameters that the user gave, as text."""

    name: str
    params: dict[str, str]


def split(text: str, separator: str) -> list[str]:
    """Split at separators outside all brackets; empty parts are dropped."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character == _OPENING:
            depth += 1
        elif character == _CLOSING:
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:index])
            start = index + 1
        if depth > _DEEPEST:
            raise UserError(f"{text[:40]!r} … nests more than {_DEEPEST} brackets; write fewer.")
        if depth < 0:
            raise UserError(f"{text!r} has a ']' too many: write name[param=value].")
    if depth:
        raise UserError(f"{text!r} lacks a closing ']': write name[param=value].")
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def parse(text: str) -> list[Selection]:
    """The selections of one item: a single one, or the product of its grid.

    Examples:
        relative                  -> relative
        relative[clip=8|16]       -> relative[clip=8], relative[clip=16]
        randomised[base=rope[fraction=0.5]|alibi]  -> a nested choice is left as text

    Raises:
        UserError: unbalanced brackets, a parameter without "=", one given twice, or an empty grid.
    """
    name, bracket, rest = text.strip().partition(_OPENING)
    if not name.strip():
        raise UserError(f"{text!r} names no plugin: write name or name[param=value].")
    if not bracket:
        return [Selection(name.strip(), {})]
    if not rest.endswith(_CLOSING):
        raise UserError(f"{text!r} does not end with ']': write name[param=value].")
    grid: dict[str, list[str]] = {}
    for item in split(rest[:-1], ","):
        key, equals, values = item.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UserError(f"{item!r} in {text!r} is no parameter: write param=value or param=a|b.")
        if key in grid:
            raise UserError(f"{text!r} gives {key!r} twice: write {key}=a|b for a grid.")
        grid[key] = split(values, "|")
        if not grid[key]:
            raise UserError(f"{text!r} gives no value for {key!r}: write {key}=value.")
    return [
        Selection(name.strip(), dict(zip(grid, values, strict=True))) for values in product(*grid.values())
    ]


def parse_all(texts: Iterator[str] | list[str] | tuple[str, ...]) -> list[Selection]:
    """The selections of several comma-separated texts, each once, in order."""
    found: list[Selection] = []
    for text in texts:
        for item in split(text, ","):
            found += [selection for selection in parse(item) if selection not in found]
    return found


def candidate_values(text: str) -> list[Any]:
    """What a typed value may mean, best guess first: JSON (numbers, booleans, lists), then plain text."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return [words[text.lower()], text]
    try:
        return [parse_json(text.encode()), text]
    except ValueError:
        return [text]
