"""The page that lists published reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from posharness_reports.templates import fill_page

__all__ = ["index_page", "is_index_page"]

_GENERATOR = '<meta name="generator" content="posharness publish">'


def index_page(reports: Sequence[Mapping[str, Any]]) -> bytes:
    """The content of index.html; each report is given as the content of its report.json."""
    return fill_page("index.html.j2", reports=reports)


def is_index_page(content: bytes) -> bool:
    """Whether `index_page` made this."""
    return _GENERATOR.encode() in content
