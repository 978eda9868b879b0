"""What an SVG draws: its elements without groups that change nothing, and with shapes where they are used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from posharness_reports.compile.paths import Box, Path, box_of, circle_radius, number, parse, place

__all__ = ["DIGITS", "NAMESPACE", "NOT_INHERITED", "Part", "box_around", "clip_box", "read", "unclip"]

Style = dict[str, str]

DIGITS, _SHAPE_DIGITS = 1, 2
"""The digits of places in points, and of the shape of a marker."""

NAMESPACE = re.compile(r"^\{[^}]*\}")

NOT_INHERITED = {"opacity"}
"""What a group would do to its parts as a whole."""

_EVERYWHERE: Box = (float("-inf"), float("-inf"), float("inf"), float("inf"))


@dataclass
class Part:
    """Something that is drawn: an element, or a group of parts.

    Attributes:
        path: the commands of a path; None for everything else.
        fixed: whether it keeps its place and its own element.
    """

    tag: str
    attributes: dict[str, str]
    style: Style
    text: str = ""
    path: Path | None = None
    digits: int = DIGITS
    parts: list[Part] = field(default_factory=list)
    fixed: bool = False

    @property
    def look(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What parts that are drawn together have in common."""
        kind = "path" if self.path is not None else self.tag
        return kind, self.attributes.get("clip-path", ""), tuple(sorted(self.style.items()))


def read(element: ElementTree.Element, shapes: Mapping[str, ElementTree.Element]) -> Iterator[Part]:
    """The parts below an element, without groups that change nothing and with shapes where they are used."""
    for child in element:
        tag = NAMESPACE.sub("", child.tag)
        if tag in ("defs", "style", "metadata"):
            continue
        attributes = {NAMESPACE.sub("", key): value for key, value in child.attrib.items()}
        style = _declarations(attributes.pop("style", ""))
        if tag == "g":
            inside = list(read(child, shapes))
            clip = attributes.get("clip-path")
            if not inside:
                continue
            if not style and (not attributes or (len(attributes) == 1 and clip)):
                # A part without a clip takes that of its group.
                free = [part for part in inside if "clip-path" not in part.attributes]
                # The clip of a group would be moved with a part that is moved.
                still = all(part.tag != "g" and "transform" not in part.attributes for part in inside)
                if not clip or (len(free) == len(inside) and still):
                    for part in free if clip else ():
                        part.attributes["clip-path"] = attributes["clip-path"]
                    yield from inside
                    continue
            yield Part(tag, attributes, style, parts=inside, fixed=True)
            continue
        inside = list(read(child, shapes))
        part = Part(tag, attributes, style, text=child.text or "", parts=inside, fixed=bool(inside))
        if tag == "use":
            part = _in_place(part, shapes) or part
        elif tag == "path":
            part.path = parse(attributes["d"])
        if part.path:
            part.attributes.pop("d", None)
        elif tag == "text" and attributes.get("transform", "").startswith(("rotate(-0 ", "rotate(0 ")):
            del attributes["transform"]
        yield part


def _declarations(style: str) -> Style:
    pairs = (rule.partition(":") for rule in style.split(";") if rule.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _in_place(use: Part, shapes: Mapping[str, ElementTree.Element]) -> Part | None:
    """A shape where it is used; None if it is no path, or has a style that would not be the same."""
    shape = shapes.get(use.attributes.get("href", "").lstrip("#"))
    if shape is None or set(use.attributes) - {"href", "x", "y", "clip-path"}:
        return None
    path = parse(shape.get("d", ""))
    own = _declarations(shape.get("style", ""))
    if not path or NOT_INHERITED & {*own, *use.style}:
        return None
    x, y = float(use.attributes.get("x", 0)), float(use.attributes.get("y", 0))
    clip = {key: value for key, value in use.attributes.items() if key == "clip-path"}
    style = use.style | own
    radius = circle_radius(path)
    if radius is not None:
        middle = {"cx": number(x, DIGITS), "cy": number(y, DIGITS), "r": number(radius, _SHAPE_DIGITS)}
        return Part("circle", clip | middle, style)
    # A shape far from its origin is one that is used once, such as an area.
    near = all(abs(end) < 20 for end in box_of(path))
    x, y = (round(x, DIGITS), round(y, DIGITS)) if near else (x, y)
    digits = _SHAPE_DIGITS if near and len(path) > 2 else DIGITS
    return Part("path", clip, style, path=place(path, x, y), digits=digits)


def clip_box(shape: ElementTree.Element) -> Box | None:
    """The box of a clip that is a rectangle."""
    if len(shape) != 1 or not shape[0].tag.endswith("rect"):
        return None
    x, y, width, height = (float(shape[0].get(key, 0)) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def unclip(parts: Sequence[Part], clips: Mapping[str, Box]) -> None:
    """Take the clips from the parts that lie within them."""
    for part in parts:
        unclip(part.parts, clips)
        clip = clips.get(part.attributes.get("clip-path", "").removeprefix("url(#").removesuffix(")"))
        box = box_around(part) if clip else _EVERYWHERE
        if clip and _within(box, clip):
            del part.attributes["clip-path"]


def _within(box: Box, clip: Box) -> bool:
    e = 0.05
    return clip[0] - e <= box[0] and clip[1] - e <= box[1] and box[2] <= clip[2] + e and box[3] <= clip[3] + e


def box_around(part: Part) -> Box:
    if part.path is not None:
        return box_of(part.path)
    if part.parts:
        lefts, tops, rights, bottoms = zip(*map(box_around, part.parts), strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)
    if part.tag == "circle":
        x, y, r = (float(part.attributes[key]) for key in ("cx", "cy", "r"))
        return x - r, y - r, x + r, y + r
    if part.tag == "text" and {"x", "y"} <= set(part.attributes):
        x, y = float(part.attributes["x"]), float(part.attributes["y"])
        size = float(part.style.get("font-size", "10px").removesuffix("px"))
        # Wider than any text of this length, to whatever side and in whatever direction it is written.
        reach = 0.8 * size * len(part.text)
        up = reach if "transform" in part.attributes else size
        return x - reach, y - up, x + reach, y + up
    return _EVERYWHERE
