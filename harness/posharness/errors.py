"""The errors of this program, split by whose mistake they are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["Incompatible", "UserError", "did_you_mean"]


class UserError(Exception):
    """A mistake of the user's: its message is the whole answer (exit status 2, never a traceback).

    The message says what was given, what was expected and what to do.
    """


class Incompatible(Exception):
    """Raised by a plugin's constructor when it cannot work in the place it is given.

    The cell is then *skipped*, with this message as its reason, before anything trains.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The end of an error message: the nearest known names, or all of them when none is near."""
    names = sorted(known)
    near = get_close_matches(given, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(name) for name in near) + "?"
    return "known: " + (", ".join(names) or "none")
