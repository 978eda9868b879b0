"""The look of each label in every figure of a report: its colour, marker and dashes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["COLOURS", "DARK", "Look", "looks"]

COLOURS = ("#0072B2", "#D55E00", "#00805A", "#B0308A", "#3B2A86", "#6D3B1F", "#B98A72", "#8F86F0")
"""Distinguishable with each of the three colour blindnesses; contrast of 3 or more on white."""

DARK = ("#56B4E9", "#F08A3C", "#1FBF8F", "#E873C4", "#8A74F5", "#F2DB57", "#A67B5B", "#D5DCE6")
"""The same colours for a dark page."""

_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">", "p", "h")
_DASHES: tuple[Any, ...] = ("", (4, 1.5), (1, 1), (5, 1.5, 1, 1.5), (2.5, 1), (6, 1, 1, 1, 1, 1))


@dataclass(frozen=True, slots=True)
class Look:
    """The colour, marker and dashes ("" for a solid line) of a label."""

    colour: str
    marker: str
    dashes: Any


def looks(labels: Iterable[str], more: Iterable[str] = ()) -> Mapping[str, Look]:
    """A look for each label, in alphabetical order: neighbours differ in colour, marker and dashes.

    Args:
        more: labels to append, without changing the look of the others.

    The numbers of colours, markers and dash patterns (8, 11, 6) repeat together only after 264 labels.
    """
    first = sorted(set(labels))
    return {
        label: Look(COLOURS[i % len(COLOURS)], _MARKERS[i % len(_MARKERS)], _DASHES[i % len(_DASHES)])
        for i, label in enumerate([*first, *sorted(set(more) - set(first))])
    }
