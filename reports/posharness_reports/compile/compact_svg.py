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
_CLIP = re.compile(r' clip-path="([^"]*)"')


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
    parts: dict[str, str] = {}
    body = re.sub(r"<[a-zA-Z][^>]*>", lambda tag: _classed(tag[0], parts), body)
    # Below another class, it is above the rules of the page, as the style of an element is.
    rules = "".join(f".{scope} .{name}{{{_tight(style)}}}" for style, name in parts.items())
    body = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", body)
    body = re.sub(r"<[^>]+>", lambda tag: re.sub(r"-?\d+\.\d{3,}", _hundredths, tag[0]), body)
    body = re.sub(r' d="([^"]*)"', lambda path: f' d="{_drawn(path[1])}"', body)
    body = re.sub(r">\s*\n\s*<", "><", _ungrouped(body)).replace("<g/>", "").replace("<defs></defs>", "")
    classed = opening[0].replace("<svg", f'<svg class="{scope}"', 1)
    return f"{classed}<style>{rules}</style>{body}"


def _names(beginning: str, values: Iterable[str]) -> dict[str, str]:
    """A short name for each different value."""
    numbers = count()
    return {value: f"{beginning}{next(numbers):x}" for value in dict.fromkeys(values)}


def _classed(tag: str, parts: dict[str, str]) -> str:
    """A tag with classes in place of its style and its clip, of which many elements have the same.

    The fill of a path stays with it: each field of a heat map has its own.

    Args:
        parts: the rules so far, and their names; new ones are added.
    """
    style, clip = _STYLE.search(tag), _CLIP.search(tag)
    if not style and not clip:
        return tag
    declared = style[1].strip() if style else ""
    fill = re.match(r"fill: (#\w{6})(?:; |$)", declared) if tag.startswith("<path ") else None
    given = f' fill="{fill[1]}"' if fill else ""
    rules = [declared[fill.end() :] if fill else declared, f"clip-path: {clip[1]}" if clip else ""]
    names = [parts.setdefault(rule, f"k{len(parts):x}") for rule in rules if rule]
    given += f' class="{" ".join(names)}"' if names else ""
    bare = _CLIP.sub("", _STYLE.sub("", tag))
    end = "/>" if bare.endswith("/>") else ">"
    return bare.removesuffix(end) + given + end


def _drawn(path: str) -> str:
    """A path without what its grammar implies: an L after an M or L, and a space before a minus."""
    parts, before = [], ""
    for command, numbers in re.findall(r"([MLHVCSQTAZz])([^MLHVCSQTAZz]*)", path):
        implied = command == "L" and before in ("M", "L")
        parts.append((" " if implied else command) + " ".join(numbers.split()))
        before = command
    return "".join(parts).replace(" -", "-")


def _ungrouped(body: str) -> str:
    """The elements without groups that have no attribute, which draw nothing."""
    kept: list[bool] = []

    def keep(tag: re.Match[str]) -> str:
        if tag[0] == "</g>":
            return tag[0] if kept.pop() else ""
        if not tag[0].endswith("/>"):
            kept.append(tag[0] != "<g>")
            return tag[0] if kept[-1] else ""
        return tag[0]

    return re.sub(r"<g(?: [^>]*)?/?>|</g>", keep, body)


def _tight(style: str) -> str:
    return re.sub(r"([:;]) ", r"\1", style)


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
