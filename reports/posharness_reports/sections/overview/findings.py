"""Findings: which encodings are told apart on each task, in sentences made from the tables."""

from __future__ import annotations

from collections import Counter

from posharness_reports.data.grouping import matching
from posharness_reports.data.prepare import title
from posharness_reports.formatting import count, enumerate_words, reach, span, with_interval
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.ranking import lead
from posharness_reports.measures.scores import AREA
from posharness_reports.study import Study

__all__ = ["by_task", "cell_counts", "finding", "measured"]

_NAMED = 6


def by_task(study: Study) -> list[str]:
    """A finding for each task and objective that was measured."""
    return [finding(study, task, objective, named=_NAMED) for task, objective in measured(study)]


def measured(study: Study) -> list[tuple[str, str]]:
    """Each task and objective with scores; if any has dependency lengths, only those that have."""
    scores = study.scores
    chosen = scores[scores["measure"] == AREA] if (scores["measure"] == AREA).any() else scores
    return sorted(set(zip(chosen["task"], chosen["objective"], strict=True)))


def cell_counts(study: Study) -> str:
    """The number of cells by status: "12 cells: 10 done, 2 diverged"."""
    counts = Counter(study.cells["status"])
    ordered = sorted(counts.items(), key=lambda item: (item[0] != "done", item[0]))
    return f"{count(len(study.cells), 'cell')}: " + ", ".join(f"{n} {status}" for status, n in ordered)


def finding(study: Study, task: str, objective: str, *, named: int) -> str:
    """Which encodings are told apart on one task and objective, and their scores.

    Args:
        named: the number of labels that are named; the others are counted.
    """
    name = title(task, objective, study.cells)
    rows = matching(study.scores, task=task, objective=objective)
    runs = span(rows.groupby("label")["seed"].nunique(), "seed")
    by_distance = rows["measure"].iloc[0] == AREA
    noun = "area under accuracy by distance" if by_distance else "normalised accuracy"
    ranking = study.rankings.each.get((task, objective))
    if ranking is None:
        (label,) = sorted(set(rows["label"]))
        return f"On {name}, {label} has {_scores(study, task, objective, label, noun)} ({runs})."
    best, behind = lead(ranking)
    if not behind:
        worst = ranking.labels[-1]
        return (
            f"On {name}, no encodings are separated: {_scores(study, task, objective, best, noun)} with "
            f"{best}, {_scores(study, task, objective, worst)} with {worst} ({runs})."
        )
    tied = [label for label in ranking.labels[1:] if label not in behind]
    verb = "information carries farther" if by_distance else "accuracy is higher"
    last = behind[-1]
    sentence = (
        f"On {name}, {verb} with {best} than with {enumerate_words(_first_labels(behind, named))}: "
        f"{_scores(study, task, objective, best, noun)} with {best}, "
        f"{_scores(study, task, objective, last)} with {last}"
    )
    if tied:
        sentence += f"; not separated from {best}: {enumerate_words(_first_labels(tied, named))}"
    return f"{sentence} ({runs})."


def _scores(study: Study, task: str, objective: str, label: str, noun: str = "") -> str:
    """The score of a label with its interval, and its reach where there are distances."""
    rows = matching(study.by_distance.reach, scope=SCOPES[0], task=task, objective=objective, label=label)
    if noun != "normalised accuracy" and len(rows) and rows["area"].notna().all():
        row = rows.iloc[0]
        text = with_interval(row["area"], row["area_low"], row["area_high"])
        tokens = reach(*row[["reach", "low", "high", "shortest", "longest"]])
        return f"{noun} {text}, reach {tokens}".strip()
    ranking = study.rankings.each.get((task, objective))
    if ranking is None:
        scores = matching(study.scores, task=task, objective=objective, label=label)["value"]
        return f"{noun} {with_interval(scores.mean(), float('nan'), float('nan'))}".strip()
    row = matching(ranking.means, label=label).iloc[0]
    return f"{noun} {with_interval(row['mean'], row['low'], row['high'])}".strip()


def _first_labels(labels: list[str], named: int) -> list[str]:
    """At most `named` entries: the first labels, then the number of the others."""
    if len(labels) <= named:
        return labels
    return [*labels[: named - 1], count(len(labels) - named + 1, "other")]
