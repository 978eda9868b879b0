"""The page that lists published reports, and their feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from posharness_reports.publish.board import boards
from posharness_reports.publish.preview import PREVIEW
from posharness_reports.templates import fill_markdown, fill_page

__all__ = ["feed", "index_page", "is_ours"]

_MARKS = (
    b'<meta name="generator" content="posharness publish">',
    b"<generator>posharness publish</generator>",
)

_SHOWN = {"compared": "", "verdicts": (), "curve": {}, "board": ()}
"""What a report of an earlier version lacks."""


def index_page(reports: Sequence[Mapping[str, Any]], base: str = "", pictured: str = "") -> bytes:
    """The content of index.html.

    Args:
        reports: the content of report.json of each, the newest first.
        base: the address of the site, or "".
        pictured: the id of the report whose picture is shown beside a link to the index; "" for none.
    """
    shown = [{**_SHOWN, **report, "figure": report.get("curve", {}).get("figure", "")} for report in reports]
    # Pictures are files of the reports beside the page, also where it is opened as a file.
    return fill_page(
        "index.html.j2",
        (("numbers.js", "closed.js", "tables.js"),),
        pictures="'self' file:",
        reports=shown,
        boards=boards(shown),
        preview=f"{base}{quote(pictured)}/{PREVIEW}" if pictured else "",
    )


def feed(reports: Sequence[Mapping[str, Any]], base: str = "", _pictured: str = "") -> bytes:
    """The content of feed.xml, in the format Atom; its links are addresses if that of the site is known."""
    return fill_markdown("feed.xml.j2", html=True, reports=reports, base=base)


def is_ours(content: bytes) -> bool:
    """Whether `index_page` or `feed` made this."""
    return any(mark in content for mark in _MARKS)
