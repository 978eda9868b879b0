"""The contract of a report compiler, which turns frames and sections into a folder that can be published."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posharness.contracts.plugin import Named

if TYPE_CHECKING:
    from posharness.contracts.claim import Claim
    from posharness.contracts.frames import Frames
    from posharness.contracts.section import ReportSection

__all__ = ["Compiler"]


class Compiler(Named, ABC):
    """Compiles and publishes reports."""

    @abstractmethod
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
        """Write report.html, report.md, report.json, figures/ and tables/ into `folder`.

        The same frames give the same report. Sections are in the order of `in_report_order`. A section that
        raises is shown as failed, with its error, and the other sections are built.

        Args:
            claims: the claims that get a verdict. The compiler passes them to the section of verdicts; the
                other sections receive only the frames.
            baseline: the label that all others are compared with, one of those in the frames; empty for none.
            folder: where to write. Its name is the id of the report, in report.json and in the address of the
                published report.

        Returns:
            The path of report.html, a single file that needs no network.
        """

    @abstractmethod
    def publish(self, report: Path, *, to: Path) -> Path:
        """Copy a compiled report into the static folder `to`. Publishing it again changes nothing.

        Nothing is replaced but an earlier version of this report and the index page. Links in a report are
        refused, because they would publish what is not in the report.

        Returns:
            The path of the folder's index page, which lists every published report, newest first.

        Raises:
            UserError: `report` is not a compiled report or has a link in it; `to` cannot be written, or has
                something else in the place of the report or of the index page.
        """
