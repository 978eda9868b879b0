"""Compiles a report: one page that needs no network, and the files of its figures and tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posharness.contracts import Claim, Frames, ReportSection, UserError, in_report_order
from posharness.contracts.atomic_files import write_folder
from posharness_reports.compile.answer import answer
from posharness_reports.compile.data_files import data_files, data_frames
from posharness_reports.compile.examples import examples
from posharness_reports.compile.first_screen import FirstScreen, first_screen, subject_line
from posharness_reports.compile.headline import headline
from posharness_reports.compile.methods import methods
from posharness_reports.compile.page import markdown_report, report_page
from posharness_reports.compile.section_files import RenderedSection, render
from posharness_reports.data.made_with import MADE_WITH
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.publish.report_folder import FORMAT
from posharness_reports.sections.claims.verdicts import judge_claims
from posharness_reports.study import Study, study

__all__ = ["compile_report"]


def compile_report(
    frames: Frames,
    sections: Sequence[ReportSection],
    *,
    claims: Sequence[Claim] = (),
    title: str,
    folder: Path,
    baseline: str = "",
    alpha: float = ALPHA,
    formats: Sequence[str] = (),
) -> Path:
    """Write a report into `folder`, completely or not at all. An earlier report in it is replaced.

    The name of the folder is the id of the report, in report.json and in the address where it is published.

    Args:
        title: the title; if it is empty, it is made from the encodings and tasks.
        formats: the formats of the files of figures besides SVG: "pdf", "png", or `PAPER`.

    Returns:
        The path of report.html.

    Raises:
        UserError: `folder` has other contents, or cannot be written.
    """
    if folder.exists() and not (folder / "report.json").is_file() and _occupied(folder):
        raise UserError(f"{folder} has contents that are not a report. Give a new or empty folder.")
    ready = study(frames, claims, baseline, alpha)
    taken: set[str] = set()
    judged = judge_claims(ready.trained)
    first = first_screen(ready, judged, taken, formats)
    parts_of_study = (ready.trained, ready.readings)
    rendered = [
        section_files
        for section in in_report_order(sections)
        if (
            section_files := render(
                section, ready, taken, formats, parts_of_study[section.place == "readings"]
            )
        )
        is not None
    ]
    parts = _parts(first, rendered)
    data = data_frames(ready, judged)
    about = _about(ready, title or subject_line(ready), first, rendered)
    about = {"format": FORMAT, "id": folder.resolve().name, **about}
    files = {
        "report.html": report_page(about, first, rendered, examples(ready.trained), list(data)),
        "report.md": markdown_report(about, first, rendered),
        "report.json": (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode(),
        "methods.txt": methods(ready).encode(),
        **parts,
        **data_files(data),
    }
    try:
        write_folder(folder, files, replace=True)
    except OSError as error:
        raise UserError(
            f"The report cannot be written to {folder} ({error.strerror}). Give a folder that can be written."
        ) from None
    return folder / "report.html"


def _occupied(folder: Path) -> bool:
    return not folder.is_dir() or any(folder.iterdir())


def _parts(first: FirstScreen, sections: Sequence[RenderedSection]) -> dict[str, bytes]:
    """The files of figures and tables, by their path in the report."""
    figures = [*first.figures, *(figure for section in sections for figure in section.figures)]
    tables = [table for section in sections for table in section.tables]
    items = [("figures", figure.name, figure.files) for figure in figures]
    items += [("tables", table.name, table.files) for table in tables]
    files = {f"{place}/{name}.{ending}": text for place, name, own in items for ending, text in own.items()}
    return files | {
        f"paper/{figure.name}{rest}": content for figure in figures for rest, content in figure.paper.items()
    }


def _about(
    ready: Study, title: str, first: FirstScreen, sections: Sequence[RenderedSection]
) -> dict[str, Any]:
    cells = ready.cells
    done = cells[cells["status"] == "done"]
    return {
        "title": title,
        # From the data and not from the clock, so that the same store gives the same report.
        "created": max(cells["started"], default=""),
        "headline": headline(ready),
        **answer(ready, first),
        "cells": dict(
            sorted(Counter(cells["status"]).items(), key=lambda item: (item[0] != "done", item[0]))
        ),
        "tasks": sorted(set(cells["task"])),
        "encodings": ready.trained.labels or ready.labels,
        "seeds": sorted({int(seed) for seed in cells["seed"].dropna()}),
        "versions": {name: sorted({str(v) for v in done[name].dropna()}) for name in MADE_WITH},
        "sections": [{"title": section.title, "failure": section.failure} for section in sections],
        "figures": [
            figure.name
            for figures in (first.figures, *(section.figures for section in sections))
            for figure in figures
        ],
        "tables": [table.name for section in sections for table in section.tables],
    }
