"""The order of sections in a report follows from named places, and every figure says what it shows."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from posharness.contracts import PLACES, Chart, Frames, ReportSection, Section, in_report_order


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


def test_a_chart_says_what_its_own_numbers_show() -> None:
    data = pd.DataFrame({"x": [3, 1]})
    chart = Chart("points", Figure(), data, lambda rows: f"There are {len(rows)} points.")
    assert chart.sentence == "There are 2 points."
    assert Section("A", figures={"Points.": chart}).figures["Points."] is chart
    for said in ("", "No full stop"):
        with pytest.raises(ValueError, match="expected a sentence with a full stop"):
            Chart("points", Figure(), data, lambda _, said=said: said)  # type: ignore[misc]


def test_a_figure_without_a_sentence_is_refused() -> None:
    with pytest.raises(TypeError, match=r"'Points.' of the section 'A' is a Figure: expected a Chart\("):
        Section("A", figures={"Points.": Figure()})  # type: ignore[dict-item]
