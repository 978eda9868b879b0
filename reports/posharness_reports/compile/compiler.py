"""The built-in compiler; it imports what it needs only when it is used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from posharness.contracts import Claim, Compiler, Frames, ReportSection, Undecided, UserError
from posharness.contracts.comparison import Comparison

__all__ = ["HtmlCompiler"]


class HtmlCompiler(Compiler):
    """Writes report.html, report.md and report.json, and folders of figures, tables and data.

    Args:
        figures: the files of figures besides SVG, of which the page has the PDF; `all` is both. They take
            as long as the rest of a report of two encodings.
        style: `paper` adds a folder `paper` with figures for papers: without titles, PDF and SVG, at the
            widths of a column (3.25 in) and of a page (6.75 in).
    """

    name = "html"
    summary = "A self-contained HTML page, Markdown, figures and tables"

    def __init__(
        self,
        *,
        figures: Literal["svg", "pdf", "png", "all"] = "svg",
        style: Literal["page", "paper"] = "page",
    ) -> None:
        formats = {"svg": (), "pdf": ("pdf",), "png": ("png",), "all": ("pdf", "png")}[figures]
        self._formats: tuple[str, ...] = (*formats, *(["paper"] if style == "paper" else []))

    def compile(
        self,
        frames: Frames,
        sections: Sequence[ReportSection],
        *,
        claims: Sequence[Claim] = (),
        title: str,
        folder: Path,
        baseline: str = "",
        alpha: float = 0.05,
    ) -> Path:
        """See `posharness_reports.compile.report.compile_report`."""
        # Every command finds the compiler; only this one waits for pandas and seaborn.
        from posharness_reports.compile.report import compile_report
        from posharness_reports.data.texts import plain_texts

        with plain_texts(frames):
            return compile_report(
                frames,
                sections,
                claims=claims,
                title=title,
                folder=folder,
                baseline=baseline,
                alpha=alpha,
                formats=self._formats,
            )

    def undecided(
        self, frames: Frames, *, claims: Sequence[Claim] = (), alpha: float = 0.05
    ) -> Sequence[Undecided]:
        """See `posharness_reports.compile.undecided.undecided`."""
        from posharness_reports.compile.undecided import undecided

        return undecided(frames, claims, alpha)

    def publish(self, report: Path, *, to: Path) -> Path:
        """See `posharness_reports.publish.static_folder.publish`."""
        from posharness_reports.publish.static_folder import publish

        return publish(report, to)

    def compare(
        self,
        one: Frames | Path,
        other: Frames | Path,
        *,
        names: tuple[str, str],
        claims: Sequence[Claim] = (),
    ) -> Comparison:
        """See `posharness_reports.compile.difference.compare`."""
        from posharness_reports.compile.common_names import common_names, renamed
        from posharness_reports.compile.comparable import shared_runs
        from posharness_reports.compile.data_files import data_frames, read_data, verdict_frame
        from posharness_reports.compile.difference import compare
        from posharness_reports.publish.report_folder import NotAReport, read_report
        from posharness_reports.study import study

        sides = []
        studies = []
        for source in (one, other):
            if isinstance(source, Frames):
                studies.append(study(source, claims))
                sides.append(data_frames(studies[-1]))
                continue
            try:
                found = read_data(read_report(source).files)
            except NotAReport as error:
                raise UserError(
                    f"{source} is not a compiled report: {error}. Give a report or a store."
                ) from None
            if "tasks" not in found.get("verdicts", ()):
                raise UserError(
                    f"{source} holds no data/ of this version: it was compiled by an earlier one. "
                    "Compile it again with `harness report STORE`, or give its store."
                )
            sides.append(found)
        again = None
        tasks = common_names(sides[0], sides[1])
        alike_named = [renamed(data, own) for data, own in zip(sides, tasks, strict=True)]
        if len(studies) == 2:
            runs = shared_runs(alike_named[0]["cells"], alike_named[1]["cells"])
            alike = (
                [data["verdicts"] for data in alike_named]
                if runs is None
                else [
                    verdict_frame(whole.of_runs(_before(own, runs)))
                    for whole, own in zip(studies, tasks, strict=True)
                ]
            )
            again = (alike[0], alike[1])
        return compare(alike_named[0], alike_named[1], names, again)


def _before(names: Mapping[str, str], runs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """The task and label of runs, as they were called before the tasks got these names."""
    old = {new: task for task, new in names.items()}
    return {(old.get(task, task), label) for task, label in runs}
