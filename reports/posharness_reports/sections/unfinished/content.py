"""The table of cells that are not done."""

from __future__ import annotations

from posharness.contracts import Section
from posharness_reports.formatting import count
from posharness_reports.study import Study
from posharness_reports.tables.overview import unfinished

__all__ = ["describe"]


def describe(study: Study) -> Section | None:
    """The section; None when every cell is done."""
    rows = unfinished(study)
    if rows.empty:
        return None
    prose = (
        f"{count(len(rows), 'cell')} of this store {'is' if len(rows) == 1 else 'are'} not done. The results "
        "above leave them out; only the learning curves show those that had started."
    )
    return Section("Runs that did not finish", prose, {"Cells that are not done": rows})
