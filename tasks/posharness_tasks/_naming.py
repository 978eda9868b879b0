"""How examples show the symbols of the tasks that are drawn."""

from __future__ import annotations

from string import ascii_lowercase

__all__ = ["letters", "numbers"]


def letters(count: int) -> tuple[str, ...]:
    """The names of `count` symbols: a to z, then a1 to z1, and so on."""
    rounds = [divmod(index, len(ascii_lowercase)) for index in range(count)]
    return tuple(f"{ascii_lowercase[letter]}{turn or ''}" for turn, letter in rounds)


def numbers(count: int) -> tuple[str, ...]:
    """The names of `count` values: 1 to `count`."""
    return tuple(str(value) for value in range(1, count + 1))
