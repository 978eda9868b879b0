"""The contract of a report compiler, which turns frames and sections into a folder that can be published."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posharness.contracts.plugin import Named
from posharness.errors import UserError

if TYPE_CHECKING:
    from posharness.contracts.claim import Claim
    from posharness.contracts.comparison import Comparison
    from posharness.contracts.frames import Frames
    from posharness.contracts.section import ReportSection

__all__ = ["Compiler", "Undecided"]


@dataclass(frozen=True)
class Undecided:
    """A comparison that the runs of a store do not decide yet.

    Attributes:
        question: what is open: a claim with its contrast, or a ranking.
        labels: the labels that are compared: two, or those of two groups.
        tasks: the tasks that it is about, by their names in the store.
        seeds: the seeds to add to each label on each of these tasks, and to those beside them, so that it is
            likely to be decided; None if more seeds are not likely to decide it, or if there are too few to
            estimate that.
    """

    question: str
    labels: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: int | None


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
        alpha: float = 0.05,
    ) -> Path:
        """Write report.html, report.md, report.json, figures/ and tables/ into `folder`.

        The same frames give the same report. Sections are in the order of `in_report_order`. A section that
        raises is shown as failed, with its error, and the other sections are built.

        Args:
            claims: the claims that get a verdict. The compiler passes them to the section of verdicts; the
                other sections receive only the frames.
            baseline: the label that all others are compared with, one of those in the frames; empty for none.
            alpha: the rate of false statements that this report may make when nothing differs; below .05 for
                one of several looks at results to which seeds are added.
            folder: where to write. Its name is the id of the report, in report.json and in the address of the
                published report.

        Returns:
            The path of report.html, a single file that needs no network.
        """

    def undecided(
        self, frames: Frames, *, claims: Sequence[Claim] = (), alpha: float = 0.05
    ) -> Sequence[Undecided]:
        """What a report of these frames leaves open, and more seeds could decide. By default nothing.

        Args:
            claims: the claims that get a verdict.
            alpha: the rate of false statements that the whole report may make when nothing differs. Who looks
                several times and stops when all is decided shares the rate among the looks.
        """
        return ()

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

    def compare(
        self,
        one: Frames | Path,
        other: Frames | Path,
        *,
        names: tuple[str, str],
        claims: Sequence[Claim] = (),
    ) -> Comparison:
        """Find what differs between two reports, and which of it is more than noise between runs.

        Args:
            one: the frames of a store, or the folder of a compiled report.
            other: likewise.
            names: what to call them.
            claims: the claims that the frames of a store get verdicts on.

        Raises:
            UserError: a folder is not a compiled report; or this compiler cannot compare (the default).
        """
        raise UserError(f"The compiler {self.name!r} cannot compare reports. Give another with --compiler.")
