"""Makes the SVG of a figure small for its page: fewer elements, short paths, a class for each style."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from xml.etree import ElementTree

from posharness_reports.compile.paths import number
from posharness_reports.compile.svg_batches import drawn_together
from posharness_reports.compile.svg_parts import DIGITS, NAMESPACE, Part, clip_box, read, unclip

__all__ = ["compact", "with_shared_style"]

_IMPLIED = {("stroke-dashoffset", "0"), ("font-family", "var(--sans)")}
"""Declarations that change nothing on a page."""

_REFERENCE = re.compile(r"(?:url\(|^)#([^)]+)")
_LONG = re.compile(r"-?\d+\.\d{3,}")
_CLASS = re.compile(r'(<[^>]* class=")([^"]*)"')


def compact(svg: str, scope: str) -> str:
    """The same drawing in a fraction of the bytes and elements.

    Args:
        svg: an `<svg>` element as matplotlib writes it, with only the ids that it refers to.
        scope: the beginning of its ids, which nothing else on the page has.

    Returns:
        The `<svg>` element. It begins with the style of its classes; see `with_shared_style`.
    """
    root = ElementTree.fromstring(svg)
    shapes = {
        element.get("id", ""): element
        for definitions in root.iter("{http://www.w3.org/2000/svg}defs")
        for element in definitions
    }
    found = list(read(root, shapes))
    unclip(found, {name: box for name, shape in shapes.items() if (box := clip_box(shape)) is not None})
    parts = drawn_together(found)
    names = {name: f"{scope}-{i:x}" for i, name in enumerate(_with_theirs(_referred(parts), shapes))}
    rules: dict[str, str] = {}
    body = "".join(_write(part, names, rules) for part in parts)
    definitions = "".join(_definition(shapes[name], names) for name in names)
    opening = "".join(f' {key}="{escape(value)}"' for key, value in root.attrib.items() if key != "version")
    style = "".join(f".canvas .{name}{{{rule}}}" for rule, name in rules.items())
    kept = f"<defs>{definitions}</defs>" if definitions else ""
    return f"<svg{opening}><style>{style}</style>{kept}{body}</svg>"


def with_shared_style(svgs: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """One style for all figures of a page, and the figures with its classes.

    Args:
        svgs: what `compact` returned, by any name.
    """
    shared: dict[str, str] = {}
    figures: dict[str, str] = {}
    for key, svg in svgs.items():
        style, _, rest = svg.partition("</style>")
        opening, _, style = style.partition("<style>")
        ours = {
            name: shared.setdefault(rule, f"k{len(shared):x}")
            for name, rule in re.findall(r"\.canvas \.(\w+){([^}]*)}", style)
        }
        figures[key] = opening + _with_classes(rest, ours)
    return "".join(f".canvas .{name}{{{rule}}}" for rule, name in shared.items()), figures


def _with_classes(drawing: str, names: Mapping[str, str]) -> str:
    return _CLASS.sub(lambda tag: f'{tag[1]}{names.get(tag[2], tag[2])}"', drawing)


def _with_theirs(names: Iterable[str], shapes: Mapping[str, ElementTree.Element]) -> list[str]:
    """The ids of definitions, with those that they refer to."""
    known = [name for name in dict.fromkeys(names) if name in shapes]
    for name in known:
        for element in shapes[name].iter():
            for value in element.attrib.values():
                known += [
                    other for other in _REFERENCE.findall(value) if other in shapes and other not in known
                ]
    return known


def _referred(parts: Sequence[Part]) -> Iterator[str]:
    """The ids that parts refer to."""
    for part in parts:
        for value in (*part.attributes.values(), *part.style.values()):
            yield from _REFERENCE.findall(value)
        yield from _referred(part.parts)


def _write(part: Part, names: Mapping[str, str], rules: dict[str, str]) -> str:
    """The element of a part.

    Args:
        names: the ids of the page.
        rules: the rules so far, and their names; new ones are added.
    """
    attributes = dict(part.attributes)
    style = {name: value for name, value in part.style.items() if (name, value) not in _IMPLIED}
    # Each field of a heat map has a colour of its own.
    if re.fullmatch(r"#\w{6}", style.get("fill", "")):
        attributes["fill"] = style.pop("fill")
    if style:
        rule = ";".join(f"{name}:{_renamed(value, names)}" for name, value in style.items())
        attributes["class"] = rules.setdefault(rule, f"k{len(rules):x}")
    for key in ("x", "y"):
        if key in attributes:
            attributes[key] = number(float(attributes[key]), DIGITS)
    if "transform" in attributes:
        attributes["transform"] = _LONG.sub(lambda found: number(float(found[0]), 2), attributes["transform"])
    opening = "".join(f' {key}="{escape(_renamed(value, names))}"' for key, value in attributes.items())
    inside = escape(part.text, quote=False) + "".join(_write(each, names, rules) for each in part.parts)
    return f"<{part.tag}{opening}>{inside}</{part.tag}>" if inside else f"<{part.tag}{opening}/>"


def _definition(element: ElementTree.Element, names: Mapping[str, str]) -> str:
    """What is referred to, as it is."""
    tag = NAMESPACE.sub("", element.tag)
    attributes = {NAMESPACE.sub("", key): _renamed(value, names) for key, value in element.attrib.items()}
    if "id" in attributes:
        attributes["id"] = names.get(attributes["id"], attributes["id"])
    opening = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    inside = escape(element.text or "", quote=False).strip()
    return f"<{tag}{opening}>{inside}{''.join(_definition(each, names) for each in element)}</{tag}>"


def _renamed(value: str, names: Mapping[str, str]) -> str:
    """A value whose references are those of the page."""
    return _REFERENCE.sub(lambda found: found[0].replace(found[1], names.get(found[1], found[1])), value)
