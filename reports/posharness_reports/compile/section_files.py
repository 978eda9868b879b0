"""Builds a section for the page and the folder; a section that raises is shown with its error."""

from __future__ import annotations

import io
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from posharness.contracts import Chart, Frames, ReportSection
from posharness.contracts.section import Place
from posharness_reports.compile.inert_csv import inert_csv
from posharness_reports.compile.latex import latex_table
from posharness_reports.compile.markdown import to_html
from posharness_reports.compile.number_columns import number_columns
from posharness_reports.compile.paper_caption import paper_caption
from posharness_reports.compile.svg import inline
from posharness_reports.figures.readable import PaperFigure, ReadableFigure
from posharness_reports.figures.theme import RC
from posharness_reports.formatting import show, slug
from posharness_reports.study import Study

__all__ = ["PAPER", "RenderedFigure", "RenderedSection", "RenderedTable", "draw", "render"]

PAPER = "paper"
"""The format of figures for papers: PDF and SVG at the widths of a column and of a page."""

_PAPER_WIDTHS = {"column": 3.25, "page": 6.75}
_DPI = 144
_LONG = 40
_SIGNIFICANT = 6
"""The digits of a number in the CSV of a table, which the page holds as well; those of data/ have all."""

# Without dates, so that the same frames give the same files.
_METADATA: Mapping[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


@dataclass(frozen=True)
class RenderedFigure:
    """A figure: file name without ending, files by ending (SVG always), and the SVG for the page.

    Attributes:
        sentence: what it shows.
        note: how to read it.
        readings: what the page's script reads (see `figures.readable`); empty for any other figure.
        paper: what follows the name in the names of its files for papers, to their content; empty without
            `PAPER` among the formats, or if the figure cannot be drawn for a paper.
    """

    name: str
    sentence: str
    note: str
    files: Mapping[str, bytes]
    inline: str
    readings: Mapping[str, Any] = field(default_factory=dict)
    paper: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """What it shows, and how to read it."""
        return f"{self.sentence} {self.note}"


@dataclass(frozen=True)
class RenderedTable:
    """A table: file name without ending, caption, text of its fields, and files by ending.

    Attributes:
        folded: shown only when a reader opens it.
        shown: all rows as they are shown, as CSV, where its file has them as numbers in more columns.
    """

    name: str
    caption: str
    columns: list[str]
    rows: list[list[str]]
    numeric: list[bool]
    folded: bool
    files: Mapping[str, bytes]
    shown: bytes = b""


@dataclass(frozen=True)
class RenderedSection:
    """A section, or the error that it raised.

    Attributes:
        anchor: its id on the page.
        place: the part of the report that it belongs to.
        failure: the error in one line; "" if there was none.
        details: the traceback of the error.
    """

    title: str
    anchor: str
    place: Place = "end"
    prose: str = ""
    html: str = ""
    figures: list[RenderedFigure] = field(default_factory=list)
    tables: list[RenderedTable] = field(default_factory=list)
    failure: str = ""
    details: str = ""


def render(
    section: ReportSection,
    frames: Frames,
    taken: set[str],
    formats: Sequence[str] = (),
    study: Study | None = None,
) -> RenderedSection | None:
    """Build a section and draw its figures.

    Args:
        taken: the names of anchors and files in this report; those of the section are added.
        formats: the formats of the files of figures besides SVG.
        study: the runs that the tables are from, which captions in papers name; None if that is not known.

    Returns:
        The rendered section; None if the section has nothing to say.
    """
    # Sections may be third-party code: an error is shown in its place, and the other sections are built.
    try:
        with mpl.rc_context(RC):
            built = section.build(frames)
            if built is None:
                return None
            return RenderedSection(
                title=built.title,
                anchor=_unique("section", built.title.partition(".")[0], taken),
                place=section.place,
                prose=built.prose,
                html=to_html(built.prose),
                figures=[
                    draw(f"{section.name}-{chart.name}", caption, chart, taken, formats)
                    for caption, chart in built.figures.items()
                ],
                tables=[_table(caption, frame, taken, study) for caption, frame in built.tables.items()],
            )
    except (Exception, SystemExit) as error:  # noqa: BLE001
        heading = section.summary or section.name
        return RenderedSection(
            title=heading,
            anchor=_unique("section", heading.partition(".")[0], taken),
            place=section.place,
            failure=f"{type(error).__name__}: {error}".strip(": "),
            details=_traceback(error),
        )


def _unique(kind: str, heading: str, taken: set[str]) -> str:
    base = name = slug(heading)
    number = 1
    while f"{kind}/{name}" in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(f"{kind}/{name}")
    return name


def _traceback(error: BaseException) -> str:
    """The traceback without folders, which would make reports differ between machines."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join(f"{Path(f.filename).name}:{f.lineno} in {f.name}: {f.line}" for f in frames)


def draw(name: str, note: str, chart: Chart, taken: set[str], formats: Sequence[str] = ()) -> RenderedFigure:
    """Draw a figure under its name, with a number if that is taken, as SVG and in `formats`.

    Args:
        note: how to read it.
    """
    name, figure = _unique("figures", name, taken), chart.figure
    # The salt makes the ids inside an SVG the same every time.
    with mpl.rc_context({"svg.hashsalt": name}):
        files = {ending: _saved(figure, ending) for ending in ("svg", *formats) if ending != PAPER}
        on_paper = dict(_on_paper(figure)) if PAPER in formats else {}
    scope = f"f{len(taken)}"  # each figure adds a name
    readings = figure.readings if isinstance(figure, ReadableFigure) else {}
    drawn = inline(
        files["svg"].decode(), alt=f"{chart.sentence} {note}", scope=scope, readable=bool(readings)
    )
    return RenderedFigure(name, chart.sentence, note, files, drawn, readings, on_paper)


def _on_paper(figure: Figure) -> Iterator[tuple[str, bytes]]:
    """The figure at the widths of a column and a page, with its fonts: embedded in PDF, as shapes in SVG.

    A figure that does not say how it is drawn for a paper is drawn as it is, at these widths.
    """
    size = figure.get_size_inches()
    redrawn = figure.paper if isinstance(figure, PaperFigure) else None
    for place, width in _PAPER_WIDTHS.items():
        if redrawn is None:
            figure.set_size_inches(width, size[1] * width / size[0])
        for number, part in enumerate(redrawn(width) if redrawn else [figure], 1):
            name = f"-{place}" + (f"-{number}" if number > 1 else "")
            yield f"{name}.pdf", _saved(part, "pdf")
            with mpl.rc_context({"svg.fonttype": "path"}):
                yield f"{name}.svg", _saved(part, "svg")
    figure.set_size_inches(*size)


def _saved(figure: Figure, ending: str) -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format=ending, dpi=_DPI, metadata=_METADATA[ending])
    return written.getvalue()


def _table(caption: str, frame: pd.DataFrame, taken: set[str], study: Study | None) -> RenderedTable:
    columns = [str(column) for column in frame.columns]
    numeric = [is_numeric_dtype(dtype) and not is_bool_dtype(dtype) for dtype in frame.dtypes]
    fields = [
        [show(None if value is pd.NA else value) for value in row] for row in frame.itertuples(index=False)
    ]
    name = _unique("tables", caption.partition(".")[0], taken)
    numbers = number_columns(frame)
    return RenderedTable(
        name=name,
        caption=caption,
        columns=columns,
        rows=fields,
        numeric=numeric,
        folded=bool(frame.attrs.get("folded")) or len(fields) > _LONG,
        files={
            "csv": inert_csv(numbers, _SIGNIFICANT),
            "tex": latex_table(
                columns,
                fields,
                numeric,
                caption=paper_caption(caption, columns, fields, study),
                label=name,
            ).encode(),
        },
        shown=b"" if numbers is frame else inert_csv(frame, _SIGNIFICANT),
    )
