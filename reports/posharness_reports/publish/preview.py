"""The picture that is shown beside a link to a published report, and the lines of the page that name it."""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import escape

from posharness_reports.formatting import short_names

__all__ = ["PREVIEW", "address", "picture", "with_picture"]

PREVIEW = "preview.png"
"""The name of the picture in the folder of a published report."""

_SIZE = (1200, 630)
_DPI = 100
_NAMED = 8
_CORNER, _ACROSS = (0.085, 0.12), 0.69
"""The lower left corner of the axes and their width, as shares of the picture."""

_LETTER = 0.014
"""The width of a letter of a tick, as a share of the axes."""

_LINES = re.compile(rb'<meta property="og:image(?::\w+)?" content="[^"<>]*">\n')
_AFTER = b'<meta property="og:type" content="article">\n'
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def address(site: Path) -> str:
    """The address of a site, with a slash at its end; "" if it is not known.

    It is known from the file CNAME, in which GitHub and GitLab keep the domain of their pages.
    """
    try:
        domain = (site / "CNAME").read_text("utf-8").strip().lower()
    except (OSError, UnicodeDecodeError):
        return ""
    return f"https://{domain}/" if _DOMAIN.fullmatch(domain) else ""


def with_picture(page: bytes, report: str, base: str) -> bytes:
    """The page of a report with the lines that name its picture; a page of another compiler as it is.

    Args:
        report: the id of the report.
        base: the address of the site; if it is "", the picture is named relative to the page.
    """
    where = f"{base}{report}/{PREVIEW}" if base else PREVIEW
    named = {"og:image": where, "og:image:width": str(_SIZE[0]), "og:image:height": str(_SIZE[1])}
    lines = "".join(f'<meta property="{name}" content="{escape(value)}">\n' for name, value in named.items())
    return _LINES.sub(b"", page).replace(_AFTER, _AFTER + lines.encode(), 1)


def picture(about: Mapping[str, Any]) -> bytes:
    """A PNG of 1200 x 630 with the title of a report, its headline, and its first figure.

    The figure has the limits, bands and line of chance that it has in the report.

    Args:
        about: the content of report.json.
    """
    # Publishing waits for matplotlib only here.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from posharness_reports.figures.palette import looks
    from posharness_reports.figures.panels import ACCURACY
    from posharness_reports.figures.theme import MUTED

    # Titles and labels are anybody's: no formulas, and a character that no font has is a box.
    with mpl.rc_context({"text.parse_math": False, "font.family": "DejaVu Sans"}), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        drawn = Figure((_SIZE[0] / _DPI, _SIZE[1] / _DPI), facecolor="white")
        title = textwrap.shorten(str(about["title"]), 110, placeholder=" …")
        drawn.text(0.04, 0.95, textwrap.fill(title, 56), size=25, weight="bold", va="top", color="#1d2433")
        lines = _lines(about.get("curve", {}))
        said = textwrap.shorten(str(about["headline"]), 265 if lines else 500, placeholder=" …")
        low = 0.76 if len(title) > 56 else 0.84
        drawn.text(0.04, low, textwrap.fill(said, 92), size=14, va="top", color="#5b6472")
        if lines:
            curve = about["curve"]
            axes = drawn.add_axes((*_CORNER, _ACROSS, low - 0.24 - _CORNER[1]), xlim=(0, 1))
            axes.set_ylim(*(_numbers(curve.get("limits"), 2) or ACCURACY))
            places = _places(curve)
            for name, level in _chance(curve, len(places)).items():
                axes.plot(places, level, color=MUTED, lw=1.5, ls=(0, (2, 2)),
                          label=textwrap.shorten(name, 22, placeholder="…"))  # fmt: skip
            names = short_names(lines, 22)
            for label, look in looks(list(lines)).items():
                style: dict[str, Any] = {"dashes": look.dashes} if look.dashes else {}
                named = names[label] if list(lines).index(label) < _NAMED else "_"
                axes.plot(places, lines[label], color=look.colour, marker=look.marker, lw=2.5, ms=8,
                          label=named, **style)  # fmt: skip
                axes.fill_between(places, *_band(curve, label, len(places)), color=look.colour,
                                  alpha=0.16, lw=0)  # fmt: skip
            ticks = _apart(places, [str(tick) for tick in curve["ticks"]])
            axes.set_xticks(list(ticks), list(ticks.values()), size=13)
            axes.tick_params(labelsize=13)
            axes.set_xlabel(str(curve["axis"][0]), size=13)
            axes.set_ylabel(str(curve["axis"][1]), size=13)
            axes.set_title(textwrap.shorten(str(curve["title"]), 70, placeholder=" …"), size=14, loc="left")
            axes.grid(color="#e3e6eb")
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=14)
            if len(lines) > _NAMED:
                drawn.text(0.79, 0.13, f"and {len(lines) - _NAMED} more", size=13, color="#5b6472")
        written = io.BytesIO()
        drawn.savefig(written, format="png", dpi=_DPI, metadata={"Software": "posharness publish"})
    return written.getvalue()


def _numbers(values: object, count: int) -> list[float]:
    """So many numbers, NaN for a missing one; none if the values are something else."""
    if not isinstance(values, list) or len(values) != count:
        return []
    return [float(value) if isinstance(value, int | float) else math.nan for value in values]


def _places(curve: Mapping[str, Any]) -> list[float]:
    """Where the ticks are between the left (0) and the right end (1); at equal steps if it is not said."""
    count = len(curve["ticks"])
    found = _numbers(curve.get("places"), count)
    return found if found and all(map(math.isfinite, found)) else [(i + 0.5) / count for i in range(count)]


def _chance(curve: Mapping[str, Any], count: int) -> dict[str, list[float]]:
    """The line of chance by its name, if there is one."""
    found = curve.get("chance")
    levels = found.items() if isinstance(found, Mapping) else ()
    return {str(name): level for name, values in levels if (level := _numbers(values, count))}


def _band(curve: Mapping[str, Any], label: str, count: int) -> tuple[list[float], list[float]]:
    """The ends of the intervals of a label, NaN where there is none."""
    found = curve.get("bands")
    own = found.get(label) if isinstance(found, Mapping) else None
    ends = own if isinstance(own, list) and len(own) == count else [None] * count
    pairs = [_numbers(pair, 2) or [math.nan, math.nan] for pair in ends]
    return [low for low, _ in pairs], [high for _, high in pairs]


def _apart(places: Sequence[float], ticks: Sequence[str]) -> dict[float, str]:
    """The ticks whose names do not touch, chosen from the right as in the report."""
    shown: dict[float, str] = {}
    edge = math.inf
    for place, name in sorted(zip(places, ticks, strict=True), reverse=True):
        half = (len(name) + 1) * _LETTER / 2
        if place + half < edge:
            shown[place] = name
            edge = place - half
    return shown


def _lines(curve: object) -> dict[str, list[float]]:
    """The lines of the first figure; none if the curve is not as the compiler writes it."""
    if not isinstance(curve, Mapping):
        return {}
    lines, ticks, axis = curve.get("lines"), curve.get("ticks"), curve.get("axis")
    if not (isinstance(lines, Mapping) and isinstance(ticks, list) and isinstance(axis, list)):
        return {}
    if len(axis) != 2 or not all(isinstance(own, list) and len(own) == len(ticks) for own in lines.values()):
        return {}
    return {str(label): _numbers(own, len(ticks)) for label, own in lines.items() if own}
