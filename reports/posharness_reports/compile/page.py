"""The page and the Markdown file of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from posharness_reports.compile.compact_svg import with_shared_style
from posharness_reports.figures.palette import COLOURS, MARKERS, looks
from posharness_reports.formatting import short_names
from posharness_reports.templates import fill_markdown, fill_page

if TYPE_CHECKING:
    from posharness.contracts.section import Place
    from posharness_reports.compile.examples import Examples
    from posharness_reports.compile.first_screen import FirstScreen
    from posharness_reports.compile.section_files import RenderedFigure, RenderedSection

__all__ = ["markdown_report", "report_page"]

QUESTIONS: Mapping[Place, str] = {
    "overview": "What does it come to?",
    "accuracy": "How far does information carry, and does it hold beyond the training length?",
    "learning": "How fast does it learn?",
    "pretraining": "What does it do for BERT?",
    "readings": "What do trained models use?",
    "mechanism": "What do positions do to attention?",
    "cost": "What does it cost?",
    "trust": "Can I trust this?",
    "end": "More",
}
"""The question that each part of a report answers."""

_ROWS_SHOWN = 50
_LONGEST_NAME = 30
"""Letters of a label beside a row of a figure."""
_ROWS_IN_MARKDOWN = 40


_SCRIPTS = (
    ("numbers.js", "closed.js", "tables.js"),
    ("examples.js",),
    ("numbers.js", "closed.js", "address.js", "figures.js", "readings.js", "view.js"),
)


def report_page(
    about: Mapping[str, Any],
    first: FirstScreen,
    sections: Sequence[RenderedSection],
    examples: Examples,
    data: Sequence[str] = (),
) -> bytes:
    """The content of report.html.

    Args:
        about: the content of report.json.
        data: the names of the files in data/, which lie beside the page, without ending.
    """
    figures = [*first.figures, *(figure for section in sections for figure in section.figures)]
    figure_style, drawings = with_shared_style({figure.name: figure.inline for figure in figures})
    return fill_page(
        "report.html.j2",
        _SCRIPTS,
        data=_data(about["encodings"], figures),
        drawings=drawings,
        figure_style=Markup(figure_style),
        examples=examples,
        about=about,
        first=first,
        sections=sections,
        questions=QUESTIONS,
        rows_shown=_ROWS_SHOWN,
        data_files=data,
    )


def markdown_report(
    about: Mapping[str, Any], first: FirstScreen, sections: Sequence[RenderedSection]
) -> bytes:
    """The content of report.md, which shows the figure files beside it."""
    return fill_markdown(
        "report.md.j2", about=about, first=first, sections=sections, rows_shown=_ROWS_IN_MARKDOWN
    )


def _data(labels: Sequence[str], figures: Sequence[RenderedFigure]) -> dict[str, Any]:
    """What the scripts read: the look of each label, and the values of each figure."""
    styles = looks(labels)
    names = short_names(labels, _LONGEST_NAME)
    return {
        "series": [
            {
                "label": label,
                "colour": COLOURS.index(styles[label].colour) + 1,
                "marker": MARKERS[styles[label].marker],
                "short": names[label],
            }
            for label in labels
        ],
        "figures": {figure.name: figure.readings for figure in figures if figure.readings},
    }
