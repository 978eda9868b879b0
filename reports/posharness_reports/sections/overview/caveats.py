"""Caveats: different machines, different numbers of training steps, and few seeds."""

from __future__ import annotations

from posharness_reports.data.grouping import grouped
from posharness_reports.formatting import span
from posharness_reports.study import Study

__all__ = ["caveats"]


def caveats(study: Study) -> list[str]:
    """What a reader must know before comparing results, a sentence each."""
    sentences = []
    done = study.cells[study.cells["status"] == "done"]
    for column in ("torch", "python", "machine", "results_version"):
        values = sorted({str(value) for value in done[column].dropna()})
        if len(values) > 1:
            sentences.append(
                f"Finished cells differ in {column.replace('_', ' ')} ({', '.join(values)}). That can cause "
                "differences in speed, and small differences in accuracy."
            )
    for (task,), cells in grouped(done, ["task"]):
        steps = sorted({int(value) for value in cells["steps"].dropna()})
        if len(steps) > 1:
            sentences.append(
                f"On {task}, runs were trained for different numbers of steps ({steps[0]} to {steps[-1]})."
            )
    seeds = done.groupby(["task", "label"])["seed"].nunique()
    if (seeds == 1).any():
        sentences.append(
            "Some results have one seed. Their intervals come from its test sequences and say nothing about "
            "other seeds."
        )
    if few := sorted(set(seeds[(seeds > 1) & (seeds <= 3)])):
        sentences.append(
            f"With {span(few, 'seed')}, a 95 % bootstrap interval understates the uncertainty: it covers "
            "the true value "
            "less often than that. Look at the dots of the single seeds too."
        )
    return sentences
