"""The picture that is shown beside a link to a published report, and the lines of the page that name it."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import escape

__all__ = ["PREVIEW", "address", "picture", "with_picture"]

PREVIEW = "preview.png"
"""The name of the picture in the folder of a published report."""

_SIZE = (1200, 630)
_DPI = 100
_NAMED = 8
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
    """A PNG of 1200 x 630 with the title of a report, its headline, and the lines of its first figure.

    Args:
        about: the content of report.json.
    """
    # Publishing waits for matplotlib only here.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from posharness_reports.figures.palette import looks

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
            axes = drawn.add_axes((0.075, 0.12, 0.70, low - 0.36))
            for label, look in looks(list(lines)).items():
                values = lines[label]
                style: dict[str, Any] = {"dashes": look.dashes} if look.dashes else {}
                named = label if list(lines).index(label) < _NAMED else "_"
                axes.plot(range(len(values)), values, color=look.colour, marker=look.marker, lw=2.5, ms=8,
                          label=textwrap.shorten(named, 22, placeholder="…"), **style)  # fmt: skip
            ticks = [str(tick) for tick in curve["ticks"]]
            axes.set_xticks(range(len(ticks)), ticks, size=13)
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


def _lines(curve: object) -> dict[str, list[float]]:
    """The lines of the first figure; none if the curve is not as the compiler writes it."""
    if not isinstance(curve, Mapping):
        return {}
    lines, ticks, axis = curve.get("lines"), curve.get("ticks"), curve.get("axis")
    if not (isinstance(lines, Mapping) and isinstance(ticks, list) and isinstance(axis, list)):
        return {}
    if len(axis) != 2 or not all(isinstance(own, list) and len(own) == len(ticks) for own in lines.values()):
        return {}
    return {
        str(label): [float(value) if isinstance(value, int | float) else float("nan") for value in own]
        for label, own in lines.items()
        if own
    }
