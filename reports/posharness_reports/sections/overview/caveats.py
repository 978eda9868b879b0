"""Caveats: different or shared machines, different numbers of training steps, and few seeds."""

from __future__ import annotations

from posharness_reports.data.grouping import grouped
from posharness_reports.data.made_with import MADE_WITH, known_values
from posharness_reports.data.prepare import title
from posharness_reports.formatting import percent, show
from posharness_reports.measures.accuracy import learned
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.study import Study

__all__ = ["caveats"]

_BUSY = 1.1
"""The quotient of wall time and a step's own time above which the machine is taken to be shared."""


def caveats(study: Study) -> list[str]:
    """What a reader must know before comparing results, a sentence each."""
    sentences = []
    if study.alpha < ALPHA:
        sentences.append(
            "Results were looked at several times while seeds were added where they left something open. "
            f"Over all looks the rate of false statements is {ALPHA}, and this look works at "
            f"{study.alpha:.2g}: p-values are corrected for that. Intervals are not; they are those of a "
            "single look."
        )
    if len(study.trials):
        sentences.append(
            "Settings were tuned for each encoding and task, by runs with seeds of their own. Every encoding "
            "is compared at its tuned settings; *What each encoding was given* names them."
        )
    done = study.cells[study.cells["status"] == "done"]
    for column, noun in MADE_WITH.items():
        values, _ = known_values(done, column)
        if len(values) > 1:
            sentences.append(
                f"Finished cells differ in {noun} ({', '.join(values)}). That can cause "
                "differences in speed, and small differences in accuracy."
            )
    for (task,), cells in grouped(done, ["task"]):
        steps = sorted({int(value) for value in cells["steps"].dropna()})
        if len(steps) > 1:
            sentences.append(
                f"On {task}, runs were trained for different numbers of steps "
                f"({show(steps[0])} to {show(steps[-1])})."
            )
    busy = int((done["step_wall_ms"] > _BUSY * done["step_ms"]).sum())
    if busy:
        sentences.append(
            f"{_in_cells(busy, len(done))} a step took more than {percent(_BUSY - 1)} longer by "
            "the clock than its process was at work: the machine was shared. Compare the milliseconds per "
            "step, which are its own, and not those by the clock."
        )
    # Of two medians of many steps, only the same one twice are equal.
    clocked = int((done["step_wall_ms"] == done["step_ms"]).sum())
    if clocked:
        sentences.append(
            f"{_in_cells(clocked, len(done))} the milliseconds per step are by the clock, because "
            "several threads, several processes or a GPU shared the work: whatever else ran on the machine "
            "counts, also in the accuracy at equal time."
        )
    seeds = done.groupby(["task", "label"])["seed"].nunique()
    if (seeds == 1).any():
        sentences.append(
            "Some results have one seed. Their intervals come from its test sequences and say nothing about "
            "other seeds."
        )
    if 2 in set(seeds):
        sentences.append(
            "With two seeds, an interval across runs can be as wide as all that is possible, and near 0 and "
            "1 it can cover the true mean less often than it says. Three seeds tell much more than two."
        )
    for (task, objective, label), _ in grouped(study.by_length[1], ["task", "objective", "label"]):
        found = learned(study.by_length[1], (task, objective, label))
        if found is not None and found.split:
            sentences.append(
                f"On {title(task, objective, study.cells)}, {found.count} of {found.runs} runs of {label} "
                "have learned the task and others have not: read the count and the single runs, and not "
                "the mean or its interval, which covers the true mean less often than it says."
            )
    return sentences


def _in_cells(n: int, of: int) -> str:
    """In how many of the finished cells: "In 2 of 3 finished cells", "In all 3 finished cells"."""
    if n < of:
        return f"In {n} of {of} finished cells"
    return f"In all {of} finished cells" if of > 1 else "In the one finished cell"
