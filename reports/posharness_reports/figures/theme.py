"""The colours and type of every figure, for light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posharness_reports.figures.palette import COLOURS, DARK, DARK_NAMES, DARK_SHADES, NAMES, SHADES

__all__ = ["ACCENT", "BAD", "GHOST", "GOOD", "GRID", "INK", "MUTED", "RC", "SURFACE", "VARIABLES"]

# All values differ, so that each can be found and replaced in a finished SVG.
SURFACE, INK, MUTED, GRID, GHOST = "#ffffff", "#1f2430", "#5b6472", "#e4e7ec", "#c3c9d3"
ACCENT, GOOD, BAD = "#0b5cad", "#00755a", "#b3410a"

_ROLES = {
    "surface": SURFACE,
    "ink": INK,
    "muted": MUTED,
    "grid": GRID,
    "ghost": GHOST,
    "accent": ACCENT,
    "good": GOOD,
    "bad": BAD,
}
_DARK_ROLES = {
    "surface": "#15181d",
    "ink": "#e8eaee",
    "muted": "#9aa3b2",
    "grid": "#2b313b",
    "ghost": "#4a5260",
    "accent": "#6cb6f5",
    "good": "#3ac79a",
    "bad": "#f2a05c",
}

VARIABLES: Mapping[str, tuple[str, str]] = {
    **{name: (light, _DARK_ROLES[name]) for name, light in _ROLES.items()},
    **{f"series-{i}": pair for i, pair in enumerate(zip(COLOURS, DARK, strict=True), 1)},
    **{f"name-{i}": pair for i, pair in enumerate(zip(NAMES, DARK_NAMES, strict=True), 1)},
    **{f"shade-{i}": pair for i, pair in enumerate(zip(SHADES, DARK_SHADES, strict=True), 1)},
}
"""The name of a CSS variable to its colours on a light and on a dark page."""

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": INK,
    # A label may contain a dollar sign.
    "text.parse_math": False,
    "figure.facecolor": SURFACE,
    "axes.facecolor": SURFACE,
    "axes.edgecolor": GHOST,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    # One font and only its Latin-1 characters: bold type or a typographic minus would be embedded in every
    # PDF as another font.
    "axes.unicode_minus": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    # No ticks are above: to look for them lays out every tick again.
    "axes.titley": 1.0,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.linewidth": 0.8,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": GHOST,
    "ytick.color": GHOST,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    # Text in an SVG stays text: small, sharp, searchable, in the font of the page. Journals accept the
    # outline fonts (type 42) of the PDFs.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
