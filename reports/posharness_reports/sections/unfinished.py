"""Runs that did not finish, with status and reason: what is missing can bend a comparison."""

from __future__ import annotations

from posharness.contracts import Frames, ReportSection, Section


class Unfinished(ReportSection):
    """Every cell that is not done."""

    name = "unfinished"
    summary = "Runs that did not finish"
    order = 60

    def build(self, frames: Frames) -> Section | None:
        """None when every cell is done."""
        from posharness_reports.formatting import count
        from posharness_reports.study import study
        from posharness_reports.tables import overview as overview_tables

        rows = overview_tables.unfinished(study(frames))
        if rows.empty:
            return None
        prose = (
            f"{count(len(rows), 'cell')} of this store {'is' if len(rows) == 1 else 'are'} not done and "
            "count nowhere above, except for the learning curves of those that began."
        )
        return Section("Runs that did not finish", prose, {"Cells that are not done": rows})
