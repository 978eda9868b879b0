"""The built-in compiler; it imports what it needs only when it is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posharness.contracts import Claim, Compiler, Frames, ReportSection, Undecided

__all__ = ["HtmlCompiler"]


class HtmlCompiler(Compiler):
    """Writes report.html, report.md, report.json, figures/*.{svg,png,pdf} and tables/*.{csv,tex}."""

    name = "html"
    summary = "A self-contained HTML page, Markdown, figures and tables"

    def compile(
        self,
        frames: Frames,
        sections: Sequence[ReportSection],
        *,
        claims: Sequence[Claim] = (),
        title: str,
        folder: Path,
        baseline: str = "",
    ) -> Path:
        """See `posharness_reports.compile.report.compile_report`."""
        # Every command finds the compiler; only this one waits for pandas and seaborn.
        from posharness_reports.compile.report import compile_report

        return compile_report(frames, sections, claims=claims, title=title, folder=folder, baseline=baseline)

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
