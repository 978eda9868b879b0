"""How wide a text is that TeX sets in Computer Modern, without TeX."""

from __future__ import annotations

__all__ = ["text_width"]

_EMS = {
    0.31: "ijlf.,:;'![]`",
    0.40: "rst()-I ",
    0.50: "acez/",
    0.70: "EFLPZ",
    0.79: "wABCDGHKNOQRTUVXY&+−=<>≥≤@",
    0.84: "m%#",
    1.03: "WM→×∞|",
}
"""Characters of one width in type of 10 points, by it; the widths of a few are rounded up."""

_SIZES = {8.0: 1.07, 7.0: 1.15}
"""By how much smaller type is wider than the type of 10 points, at the same size."""


def _em(character: str) -> float:
    found = next((em for em, alike in _EMS.items() if character in alike), None)
    # Of other characters, those that are not in the font are as wide as their size at most.
    return found or (0.56 if character.isascii() or character in "–·" else 1.0)


def text_width(text: str, point: float) -> float:
    """The width of a text in type of this size, in points; rather too wide than too narrow."""
    return _SIZES[point] * point * sum(map(_em, text))
