"""The headline of a report: its most telling finding."""

from __future__ import annotations

import math

from posharness_reports.data.grouping import grouped, matching
from posharness_reports.formatting import count, enumerate_words
from posharness_reports.sections.overview.findings import cell_counts, effective_lengths, finding
from posharness_reports.study import Study

__all__ = ["headline"]

_NAMED = 3


def headline(study: Study) -> str:
    """The finding on the task that separates the encodings most; without any result, the number of cells."""
    trained = study.trained
    lengths = effective_lengths(trained)
    if lengths.empty:
        return _about_readings(study) if trained.cells.empty else f"No result yet: {cell_counts(study)}."
    separation = {
        key: math.log1p(rows["reach"].max()) - math.log1p(rows["reach"].min()) + rows["mean"].max() / 1e6
        for key, rows in grouped(lengths, ["task", "objective"])
    }
    task, objective = max(separation, key=lambda key: separation[key])
    return finding(trained, task, objective, named=_NAMED)


def _about_readings(study: Study) -> str:
    """The readings of a store that has trained nothing."""
    done = matching(study.readings.cells, status="done")
    if done.empty:
        return f"No result yet: {cell_counts(study)}."
    models = count(done["pretrained"].nunique(), "pretrained model")
    return f"Readings of {models}: {enumerate_words(sorted(set(done['task'])))}."
