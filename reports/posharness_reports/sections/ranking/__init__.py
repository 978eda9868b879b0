"""Ranking: which encodings are told apart, over tasks and on each task."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class RankingOfEncodings(ReportSection):
    """All encodings compared with each other."""

    name = "ranking"
    summary = "Ranking of all encodings"
    place = "overview"
    order = 15

    def build(self, frames: Frames) -> Section | None:
        """None with fewer than two encodings on any task."""
        from posharness_reports.sections.ranking.content import describe
        from posharness_reports.study import study

        return describe(study(frames).trained)
