"""Prose, tables and figures of accuracy by evaluation length."""

from __future__ import annotations

from posharness.contracts import Section
from posharness_reports.data.grouping import grouped
from posharness_reports.data.prepare import title
from posharness_reports.figures.accuracy import evaluation_figures
from posharness_reports.formatting import below, count, enumerate_words, escape_markdown, fraction, percent
from posharness_reports.measures.accuracy import LEARNED, Learned, learned, zero_name
from posharness_reports.study import Study
from posharness_reports.tables.accuracy import by_length, changes, whole
from posharness_reports.tables.tidy import tidy

__all__ = ["describe", "not_learned"]

_ABOUT = (
    "Accuracy over all distances, by the length of the tested sequences. The *change from the training "
    "length* compares each run with itself: it is the mean over runs of a run's normalised accuracy at a "
    "length minus its own at the training length, with a 95 % interval across runs. An encoding that has no "
    "value for positions beyond its training length is undefined there; that is not the same as wrong. A "
    "sequence is *right as a whole* where all its scored predictions of one objective are, each decoding by "
    "itself."
)


def describe(study: Study) -> Section | None:
    """The section; None when nothing was tested."""
    points, runs = study.by_length
    if points.empty or runs.empty:
        return None
    tables = {}
    changed = study.changes
    for (task, objective), rows in grouped(points, ["task", "objective"]):
        name = title(task, objective, study.cells)
        if rows["length"].nunique() > 1:
            tables[f"{name}: accuracy by evaluation length"] = by_length(study, task, objective)
        if len(table := whole(study, task, objective)):
            tables[f"{name}: sequences that are right as a whole, by evaluation length"] = table
        if len(table := changes(study, task, objective)):
            tables[f"{name}: change of normalised accuracy from the training length"] = table
    prose = _ABOUT
    if weak := not_learned(study):
        prose += (
            f"\n\nNot learned by all runs: a run has learned a task if it is at least {percent(LEARNED)} of "
            f"the way from {zero_name(points, study.cells)} to perfect at the training length. "
            "A change from there says how much of what was learned is kept:\n\n"
        ) + "\n".join(f"- {escape_markdown(line)}" for line in weak)
    return Section(
        "Accuracy by evaluation length",
        prose,
        {
            **tables,
            "Accuracy by evaluation length, all values": tidy(points),
            "Accuracy by evaluation length, every run": tidy(runs),
            **(
                {"Sequences that are right as a whole, all values": tidy(study.whole_sequences)}
                if len(study.whole_sequences)
                else {}
            ),
            **({"Change from the training length, all values": tidy(changed)} if len(changed) else {}),
        },
        evaluation_figures(points, runs, study.cells),
    )


def not_learned(study: Study) -> list[str]:
    """For each task that was tested at other lengths: the labels of which some run has not learned it."""
    points, runs = study.by_length
    lines = []
    for (task, objective), rows in grouped(points, ["task", "objective"]):
        if not (rows["length"] != rows["train_length"]).any():
            continue
        found = {label: learned(runs, (task, objective, label)) for label in sorted(set(rows["label"]))}
        weak = [
            f"{label} (learned by {each.count} of {count(each.runs, 'run')}, mean {_mean(each)})"
            for label, each in found.items()
            if each is not None and each.count < each.runs
        ]
        if weak:
            lines.append(f"{title(task, objective, study.cells)}: {enumerate_words(weak)}")
    return lines


def _mean(found: Learned) -> str:
    """The mean over runs, which is below `LEARNED` where no run has learned."""
    return fraction(found.score) if found.count else below(found.score, LEARNED)
