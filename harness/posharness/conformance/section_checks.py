"""What is asked of a report section: that any store will do, and that the frames stay as they are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import pandas as pd

from posharness.conformance.finding import Check
from posharness.conformance.sample_frames import (
    changed,
    empty_frames,
    sample_frames,
    unfinished_frames,
)
from posharness.conformance.slot_checks import well_named
from posharness.contracts import Chart, Frames, ReportSection, Section

__all__ = ["SECTION_CHECKS"]


@dataclass(frozen=True)
class Draft:
    """A report section, built as the report builds it."""

    cls: type[ReportSection]

    def build(self, frames: Frames) -> Section | None:
        """What it makes of frames; figures that it leaves open in pyplot are its own to close."""
        return self.cls().build(frames)


def builds(draft: Draft) -> str:
    """It is built without arguments, with a name and a place in the report."""
    section = draft.cls()
    if not isinstance(section.order, int):
        return f"order is {section.order!r}: expected an integer"
    return well_named(section.name)


def from_(make: Callable[[], Frames]) -> Callable[[Draft], str]:
    """The check that it says something well-formed, or nothing, about these frames."""

    def check(draft: Draft) -> str:
        section = draft.build(make())
        return "" if section is None else _malformed(section)

    return check


def _malformed(section: Section) -> str:
    from matplotlib.figure import Figure

    if not isinstance(section, Section):
        return f"it returns {type(section).__name__}: expected a Section or None"
    if not section.title.strip():
        return "its title is empty"
    if not isinstance(section.prose, str):
        return f"its prose is {type(section.prose).__name__}: expected Markdown text"
    for what, kind, items in (
        ("table", pd.DataFrame, section.tables),
        ("figure", Chart, section.figures),
    ):
        for caption, item in items.items():
            if not (isinstance(caption, str) and caption.strip()):
                return f"a {what} has no caption"
            if not isinstance(item, kind):
                return f"the {what} {caption!r} is {type(item).__name__}: expected {kind.__name__}"
    for caption, chart in section.figures.items():
        if not isinstance(chart.figure, Figure):
            return f"the figure of the chart {caption!r} is {type(chart.figure).__name__}: expected Figure"
    return ""


def unchanged(draft: Draft) -> str:
    """The frames, which all sections share, are as they were."""
    frames = sample_frames()
    before = deepcopy(frames)
    draft.build(frames)
    name = changed(frames, before)
    return name and f"it changes frames.{name}, which other sections read too"


def deterministic(draft: Draft) -> str:
    """The same frames give the same words and numbers."""
    one, two = draft.build(sample_frames()), draft.build(sample_frames())
    if one is None or two is None:
        return "" if one is two else "the same frames give a section only sometimes"
    if (one.title, one.prose) != (two.title, two.prose):
        return "the same frames give different text"
    same = list(one.tables) == list(two.tables) and all(
        one.tables[c].equals(two.tables[c]) for c in one.tables
    )
    if not same:
        return "the same frames give different tables"
    said = [{caption: chart.sentence for caption, chart in each.figures.items()} for each in (one, two)]
    return "" if said[0] == said[1] else "the same frames give figures that say something else"


def closed(draft: Draft) -> str:
    """No figure stays open in pyplot, which would keep every report's figures in memory."""
    before = _open_figures()
    draft.build(sample_frames())
    left = _open_figures() - before
    return (
        f"it leaves {len(left)} figures open in pyplot: make them as matplotlib.figure.Figure" if left else ""
    )


def _open_figures() -> set[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()


SECTION_CHECKS: tuple[Check[Draft], ...] = (
    Check("builds", builds, gate=True),
    Check("results", from_(sample_frames)),
    Check("nothing done", from_(unfinished_frames)),
    Check("empty store", from_(empty_frames)),
    Check("frames unchanged", unchanged),
    Check("deterministic", deterministic),
    Check("figures closed", closed),
)
