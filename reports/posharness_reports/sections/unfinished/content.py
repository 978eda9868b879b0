"""The table of cells that are not done."""

from __future__ import annotations

from posharness.contracts import Section
from posharness.contracts.versions import SUPERSEDED
from posharness_reports.formatting import count
from posharness_reports.study import Study
from posharness_reports.tables.overview import unfinished

__all__ = ["describe"]


def describe(study: Study) -> Section | None:
    """The section; None when every cell is done and counts."""
    rows = unfinished(study)
    if rows.empty:
        return None
    replaced = int((rows["status"] == SUPERSEDED).sum())
    lacking = len(rows) - replaced
    sentences = []
    if lacking:
        sentences.append(
            f"{count(lacking, 'cell')} of this store {'is' if lacking == 1 else 'are'} not done. The results "
            "above leave them out; only the learning curves show those that had started."
        )
    if replaced:
        sentences.append(
            f"{count(replaced, 'cell')} of this store {'is' if replaced == 1 else 'are'} superseded, because "
            "another of the same encoding and task counts instead. The results and the learning curves above "
            "leave them out."
        )
    heading = "Runs that did not finish" if lacking else "Runs that do not count"
    table = "Cells that do not count" if replaced else "Cells that are not done"
    return Section(heading, " ".join(sentences), {table: rows})
