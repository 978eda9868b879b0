"""The order of sections in a report follows from named places."""

from __future__ import annotations

import re
from typing import Any

import pytest

from posharness.contracts import PLACES, Frames, ReportSection, Section, in_report_order


def _section(section_name: str, **attributes: Any) -> ReportSection:
    def build(self: ReportSection, frames: Frames) -> Section | None:
        return None

    cls = type(section_name, (ReportSection,), {"name": section_name, "build": build, **attributes})
    section: ReportSection = cls()
    return section


def test_sections_are_sorted_by_place_then_order_then_name() -> None:
    sections = [
        _section("without"),
        _section("missing", place="trust", order=1),
        _section("b", place="accuracy", order=10),
        _section("a", place="accuracy", order=10),
        _section("mine", place="accuracy"),
        _section("first", place="overview", order=900),
    ]
    names = [section.name for section in in_report_order(sections)]
    assert names == ["first", "a", "b", "mine", "missing", "without"]


def test_an_unknown_place_is_refused_with_the_known_ones() -> None:
    expected = f"place of beside is 'acuracy': expected one of {', '.join(PLACES)}."
    with pytest.raises(TypeError, match=re.escape(expected)):
        _section("beside", place="acuracy")
