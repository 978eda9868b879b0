"""The page that lists published reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from posharness_reports.templates import fill_page

__all__ = ["index_page"]


def index_page(reports: Sequence[Mapping[str, Any]]) -> bytes:
    """The content of index.html; each report is given as the content of its report.json."""
    return fill_page("index.html.j2", reports=reports)
