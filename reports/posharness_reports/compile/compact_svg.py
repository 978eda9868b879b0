"""Makes the SVG of a figure small for its page: short ids, hundredths of a point, a class for each style."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count

__all__ = ["compact"]

_OPENING = re.compile(r"<svg[^>]*>")
_ID = re.compile(r' id="([^"]+)"')
_REFERENCE = re.compile(r'(?:xlink:)?(url\(#|href="#)([^)"]+)')
_STYLE = re.compile(r' style="([^"]*)"')


def compact(svg: str, scope: str) -> str:
    """The same drawing in less than half of the bytes.

    Args:
        svg: an `<svg>` element as matplotlib writes it, with only the ids that it refers to.
        scope: the beginning of its ids and classes, which nothing else on the page has.
    """
    opening = _OPENING.match(svg)
    if opening is None:
        return svg
    body = svg[opening.end() :]
    ids = _names(f"{scope}-", _ID.findall(body))
    body = _ID.sub(lambda match: f' id="{ids[match[1]]}"', body)
    body = _REFERENCE.sub(lambda match: match[1] + ids.get(match[2], match[2]), body)
    classes = _names(f"{scope}_", _STYLE.findall(body))
    body = _STYLE.sub(lambda match: f' class="{classes[match[1]]}"', body)
    # Doubled, a class is above the rules of the page, as the style of an element is.
    rules = "".join(f".{name}.{name}{{{_tight(style)}}}" for style, name in classes.items())
    body = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", body)
    body = re.sub(r"<[^>]+>", lambda tag: re.sub(r"-?\d+\.\d{3,}", _hundredths, tag[0]), body)
    body = re.sub(r"\s*\n\s*", "\n", body).replace("<g/>\n", "")
    return f"{opening[0]}<style>{rules}</style>{body}"


def _names(beginning: str, values: Iterable[str]) -> dict[str, str]:
    """A short name for each different value."""
    numbers = count()
    return {value: f"{beginning}{next(numbers):x}" for value in dict.fromkeys(values)}


def _tight(style: str) -> str:
    return re.sub(r"([:;]) ", r"\1", style)


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
