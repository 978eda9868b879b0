"""Prose, tables and figures of accuracy by evaluation length."""

from __future__ import annotations

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import title
from posharness_reports.figures.accuracy import evaluation_figures
from posharness_reports.formatting import enumerate_words, escape_markdown, fraction, percent
from posharness_reports.measures.accuracy import GATE, learned
from posharness_reports.study import Study
from posharness_reports.tables.accuracy import by_length
from posharness_reports.tables.tidy import tidy

__all__ = ["describe", "not_learned"]

_ABOUT = (
    "Accuracy over all distances, by the length of the tested sequences. An encoding that has no value for "
    "positions beyond its training length is undefined there; that is not the same as wrong."
)


def describe(study: Study) -> Section | None:
    """The section; None when nothing was tested."""
    points, runs = study.by_length
    if points.empty or runs.empty:
        return None
    tables = {
        f"{title(task, objective, study.cells)}: accuracy by evaluation length": by_length(
            study, task, objective
        )
        for (task, objective), rows in grouped(points, ["task", "objective"])
        if rows["length"].nunique() > 1
    }
    prose = _ABOUT
    if too_weak := not_learned(study):
        prose += (
            f"\n\nNot learned: these encodings score less than {percent(GATE)} of the way from chance to "
            "perfect at the training length, so their accuracy in longer sequences shows nothing:\n\n"
        ) + "\n".join(f"- {escape_markdown(line)}" for line in too_weak)
    return Section(
        "Accuracy by evaluation length",
        prose,
        {
            **tables,
            "Accuracy by evaluation length, all values": tidy(points),
            "Accuracy by evaluation length, every run": tidy(runs),
        },
        evaluation_figures(points, runs, study.cells),
    )


def not_learned(study: Study) -> list[str]:
    """For each task that was tested beyond its training length: the labels that have not learned it."""
    points, _ = study.by_length
    lines = []
    for (task, objective), rows in grouped(points, ["task", "objective"]):
        if not (rows["length"] > rows["train_length"]).any():
            continue
        scores = {label: learned(points, (task, objective, label)) for label in sorted(set(rows["label"]))}
        weak = [f"{label} ({fraction(s)})" for label, s in scores.items() if s is not None and s < GATE]
        if weak:
            lines.append(f"{title(task, objective, study.cells)}: {enumerate_words(weak)}")
    return lines
