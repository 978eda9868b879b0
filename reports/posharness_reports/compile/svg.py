"""A figure inside a page: its SVG, with the type of the page and with colours for light and dark pages."""

from __future__ import annotations

import re
from html import escape

from posharness_reports.compile.compact_svg import compact
from posharness_reports.figures.theme import VARIABLES

__all__ = ["inline"]

_NARROW = 450
"""The width in pixels of a figure whose text is still read when a small screen shows all of it."""


def inline(svg: str, *, alt: str, scope: str, readable: bool = False) -> str:
    """The `<svg>` element of a file written by matplotlib, for use in HTML.

    Args:
        readable: whether it is of a `ReadableFigure`. What belongs to a label has its number as `data-s`, and
            a collection with a part for each label has its own as `data-parts`. Axes that a narrow page may
            move have `data-cell`.
        alt: the text for readers who cannot see the figure.
        scope: a short name that is unique on the page; it makes the ids and classes of the figure unique.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # The selector of this style is "*": it would apply to the whole page.
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    if readable:
        body = re.sub(r' id="s(\d+)-\d+"', r' data-s="\1"', body)
        body = re.sub(r' id="parts-(\d+)"', r' data-parts="\1"', body)
        body = re.sub(r' id="cell-\d+"', ' data-cell=""', body)
    used = set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", body))
    kept = {name for pair in used for name in pair if name}
    body = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in kept else "", body)
    for name, (light, _) in VARIABLES.items():
        body = re.sub(re.escape(light), f"var(--{name})", body, flags=re.IGNORECASE)
    body = re.sub(r"(font: [^;\"']*?px )[^;\"]+", r"\1var(--sans)", body)
    body = re.sub(r"font-family: [^;\"]+", "font-family: var(--sans)", body)
    # The fonts of figures have no minus sign (see `theme.RC`); that of the page has.
    body = re.sub(r">-(?=[\d.])", ">−", body).replace(">key - query", ">key − query")
    width = re.search(r'<svg[^>]* width="([\d.]+)pt"', body)
    box = re.search(r'<svg[^>]* viewBox="0 0 ([\d.]+) ([\d.]+)"', body)
    across = float(width[1]) / 0.75 if width else 0.0
    size = f"width:{across:.0f}px" if width else ""
    # A narrow figure is whole on a small screen, where a wide one is scrolled.
    size += ";min-width:0;max-width:100%" if 0 < across <= _NARROW else ""
    # A figure out of sight is not laid out: its style says how high it is.
    size += f";aspect-ratio:{box[1]}/{box[2]}" if box else ""
    opening = f'<svg role="img" aria-label="{escape(alt)}" style="{size}" '
    body = re.sub(r' (?:width|height)="[\d.]+pt"', "", body, count=2)
    return compact(body.replace("<svg ", opening, 1).strip(), scope)
