"""The errors of this program, by whose mistake they are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["CellStopped", "HarnessWarning", "Incompatible", "UserError", "did_you_mean"]


class UserError(Exception):
    """A user's mistake: only its message is shown (exit status 2, no traceback).

    The message says what was given, what was expected and what to do.
    """


class HarnessWarning(UserWarning):
    """Something that a user should know and that stops nothing: a command shows its message on stderr."""


class Incompatible(Exception):
    """Raised by the constructor of a plugin that cannot work in the given geometry.

    The cell is then *skipped*, with this message as its reason, before anything trains.
    """


class CellStopped(KeyboardInterrupt):
    """A cell was asked to end before its time; a plugin that raises KeyboardInterrupt itself fails."""


def did_you_mean(given: str, known: Iterable[str], prefix: str = "") -> str:
    """The end of an error message: the most similar known names, or all of them if none is similar.

    Args:
        prefix: printed before each name, for example the table that holds a key.
    """
    names = sorted(known)
    near = get_close_matches(given, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(prefix + name) for name in near) + "?"
    return "known: " + (", ".join(prefix + name for name in names) or "none") + "."
