"""The page and the Markdown file of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from posharness_reports.templates import fill_markdown, fill_page

if TYPE_CHECKING:
    from posharness_reports.compile.section_files import RenderedSection

__all__ = ["markdown_report", "report_page"]

_ROWS_SHOWN = 400
_ROWS_IN_MARKDOWN = 40


def report_page(about: Mapping[str, Any], sections: Sequence[RenderedSection]) -> bytes:
    """The content of report.html; `about` is the content of report.json."""
    return fill_page("report.html.j2", about=about, sections=sections, rows_shown=_ROWS_SHOWN)


def markdown_report(about: Mapping[str, Any], sections: Sequence[RenderedSection]) -> bytes:
    """The content of report.md, which shows the figure files beside it."""
    return fill_markdown("report.md.j2", about=about, sections=sections, rows_shown=_ROWS_IN_MARKDOWN)
