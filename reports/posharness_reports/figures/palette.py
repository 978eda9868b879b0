"""The look of each label: its colour, marker and dashes, the same in every figure of every report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

__all__ = [
    *(
        "COLOURS",
        "DARK",
        "DARK_NAMES",
        "DARK_SHADES",
        "FAMILIES",
        "FIXED",
        "MARKERS",
        "NAMES",
        "OTHERS",
        "SHADES",
        "Look",
        "family",
        "looks",
        "looks_in_order",
    ),
]

COLOURS = (
    "#2A46B2", "#4263FE", "#033064",  # blue
    "#880402", "#9C6321", "#611D1E",  # red and brown
    "#BF67EA", "#542748", "#8A7AB4",  # purple
    "#17A27B", "#2A6854", "#779B5A",  # green
    "#A48C0B", "#6C6136",  # yellow
)  # fmt: skip
"""Five hues in tones that differ to every eye: by 17 or more in CIELAB with each of the three colour
blindnesses, found by a search. Contrast of 3 or more on white."""

DARK = (
    "#2CB1FA", "#5F79F1", "#C7D2FE",
    "#D52B0B", "#F98D4D", "#A5593F",
    "#8340FF", "#C08CA8", "#8B59A5",
    "#4FF09E", "#6DA878", "#B0FAE1",
    "#FEB80F", "#F5EF81",
)  # fmt: skip
"""The same hues for a dark page."""

NAMES = (
    "#2A45AD", "#4160F6", "#043062",
    "#840504", "#976022", "#5E1D1F",
    "#9957BD", "#522747", "#796C9F",
    "#198469", "#2A6553", "#5E7A4E",
    "#847314", "#695F36",
)  # fmt: skip
"""The colours of names: `COLOURS` with as much ink as small letters need, for a contrast of 4.5 or more."""

DARK_NAMES = (
    "#34B3FA", "#647EF1", "#C8D3FD",
    "#DA5941", "#F89153", "#B27662",
    "#9762FC", "#C290AB", "#9E76B4",
    "#55F0A1", "#72AB7D", "#B2F9E2",
    "#FDBA18", "#F4EF85",
)  # fmt: skip
"""The same of `DARK`."""

SHADES = ("#20242a", "#8a9099", "#444a53", "#686e78")
"""Greys for what is no encoding, neighbours unlike."""

DARK_SHADES = ("#f3f4f6", "#747a84", "#c5cad1", "#9b9fa7")
"""The same for a dark page."""

MARKERS: Mapping[str, str] = dict(zip("osD^vPX<>ph", "●■◆▲▼✚✖◀▶⬟⬢", strict=True))
"""The markers of matplotlib, and characters that look like them."""

_MARKERS = tuple(MARKERS)
_DASHES: tuple[Any, ...] = ("", (4, 1.5), (1, 1), (5, 1.5, 1, 1.5), (2.5, 1), (6, 1, 1, 1, 1, 1))


@dataclass(frozen=True, slots=True)
class Look:
    """The colour, marker and dashes ("" for a solid line) of a label."""

    colour: str
    marker: str
    dashes: Any

    @property
    def name(self) -> str:
        """The colour in which the label is written."""
        return NAMES[COLOURS.index(self.colour)]


FIXED: Mapping[str, tuple[int, int, int]] = {
    # Blue: distances with content.
    "relative": (0, 0, 0),
    "transformer_xl": (1, 3, 1),
    "deberta": (2, 5, 3),
    "tupe": (0, 8, 4),
    # Red and brown: places of their own, or none.
    "absolute": (3, 1, 1),
    "learned": (4, 9, 5),
    "none": (5, 6, 2),
    "randomised": (3, 9, 3),
    # Purple and pink: rotations.
    "rope": (6, 2, 0),
    "xpos": (7, 4, 3),
    "yarn": (8, 0, 2),
    "ntk": (6, 7, 1),
    "position_interpolation": (7, 10, 4),
    "path": (8, 5, 5),
    # Green: a bias by distance.
    "alibi": (9, 3, 0),
    "t5": (10, 4, 1),
    "fire": (11, 1, 3),
    "kerple": (9, 9, 2),
    "sandwich": (10, 6, 4),
    "table_bias": (11, 0, 5),
    # Yellow: what the tokens say.
    "cope": (12, 5, 0),
    "dape": (13, 8, 2),
    "forgetting_gate": (12, 10, 3),
}
"""The places in colours, markers and dashes of each built-in encoding. Published reports have them: a new
encoding is added, and none is changed."""


FAMILIES: Mapping[str, range] = {
    "distance and content": range(3),
    "places, or none": range(3, 6),
    "rotations": range(6, 9),
    "a bias by distance": range(9, 12),
    "from the tokens": range(12, 14),
}
"""The kinds of built-in encodings, and the places of their colours."""

OTHERS = "others"


def family(label: str) -> str:
    """The kind of a label: that of its encoding if it is built in, else `OTHERS`."""
    places = FIXED.get(label.partition("[")[0])
    if places is None:
        return OTHERS
    return next(name for name, colours in FAMILIES.items() if places[0] in colours)


def looks(labels: Iterable[str], more: Iterable[str] = ()) -> Mapping[str, Look]:
    """A look for each label, which depends on the label alone.

    A built-in encoding has a fixed look. Any other label, with parameters or from another package, draws
    places from its SHA-256 until no fixed look has the same colour and marker. Only where two labels of one
    call draw the same colour and marker does the later one in alphabetical order draw again; this happens to
    two given labels once in about 150 times.

    Args:
        more: labels to append, without changing the look of the others.
    """
    first = sorted(set(labels))
    given = [*first, *sorted(set(more) - set(first))]
    found = {label: FIXED[label] for label in given if label in FIXED}
    taken = {places[:2] for places in FIXED.values()}
    for label in given:
        if label not in found:
            found[label] = _drawn(label, taken)
            taken.add(found[label][:2])
    return {label: _look(*found[label]) for label in given}


def looks_in_order(names: Iterable[str]) -> Mapping[str, Look]:
    """A look for each name that is no encoding, such as a head or a layer: neighbours are unlike.

    Its colours are greys: those of encodings would say what is not so.
    """
    return {
        name: Look(SHADES[i % 4], _MARKERS[i % len(_MARKERS)], _DASHES[(i // 4 + i) % len(_DASHES)])
        for i, name in enumerate(sorted(set(names)))
    }


def _look(colour: int, marker: int, dashes: int) -> Look:
    return Look(COLOURS[colour], _MARKERS[marker], _DASHES[dashes])


def _drawn(label: str, taken: set[tuple[int, int]]) -> tuple[int, int, int]:
    """The first places in the sequence of a label whose colour and marker are not taken together."""
    full = len(taken) >= len(COLOURS) * len(_MARKERS)
    return next(places for places in _sequence(label) if full or places[:2] not in taken)


def _sequence(label: str) -> Iterator[tuple[int, int, int]]:
    number = 0
    while True:
        digest = sha256(f"{label}\n{number}".encode()).digest()
        yield digest[0] % len(COLOURS), digest[1] % len(_MARKERS), digest[2] % len(_DASHES)
        number += 1
