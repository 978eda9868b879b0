"""The log of a cell, of which an endless one keeps its beginning and its end."""

from __future__ import annotations

from pathlib import Path

__all__ = ["LONGEST", "cap_log"]

LONGEST = 2**21
"""Bytes of the log of a cell that has ended; while it runs, twice as many."""

_NOTE = "\n… a part is left out here …\n".encode()


def cap_log(log: Path, *, above: int, most: int = LONGEST) -> None:
    """Leave out the middle of a log of more bytes than `above`, and say so in its place.

    A process may have it open to append, and goes on at its end.

    Args:
        most: how many bytes are left.
    """
    try:
        size = log.stat().st_size
        if size <= max(above, most):
            return
        with log.open("r+b") as file:
            file.seek(size - most // 2)
            tail = file.read(most // 2)
            file.truncate(most // 2)
        with log.open("ab") as file:
            file.write(_NOTE + tail)
    except FileNotFoundError:
        return
