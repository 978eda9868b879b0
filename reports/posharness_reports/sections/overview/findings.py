"""Findings: which encodings are told apart on each task, at the training length and beyond it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from posharness_reports.data.grouping import matching
from posharness_reports.data.prepare import title
from posharness_reports.formatting import below, count, enumerate_words, fraction, reach, span, with_interval
from posharness_reports.measures.accuracy import LEARNED, SCOPES, learned
from posharness_reports.measures.ranking import Ranking, lead
from posharness_reports.measures.scores import AREA
from posharness_reports.measures.statistics import bounded_mean
from posharness_reports.measures.unsure import why_not_apart, why_tied
from posharness_reports.study import Study

__all__ = ["by_task", "cell_counts", "finding", "first_labels", "measured", "over_tasks"]

_NAMED = 6


def by_task(study: Study) -> list[str]:
    """A finding over tasks, and one for each task and objective, at the training length and beyond it."""
    over = [over_tasks(found, *key, named=_NAMED) for key, found in study.rankings.overall.items()]
    return [*over, *(finding(study, *place, named=_NAMED) for place in measured(study))]


def over_tasks(ranking: Ranking, decoding: str, scope: str, *, named: int) -> str:
    """Which encodings are told apart over all tasks, by the mean of their scores."""
    place = f"Over {count(len(ranking.blocks), 'task')}, {decoding}, {scope}"
    best, behind = lead(ranking)
    last = behind[-1] if behind else ranking.labels[-1]
    means = ranking.means.set_index("label")
    scores = " and ".join(
        f"{with_interval(*means.loc[label, ['mean', 'low', 'high']])} with {label}" for label in (best, last)
    )
    if not behind:
        why = why_not_apart(ranking, best, last, named=False)
        return f"{place}, no encodings are told apart: mean score {scores}{why}."
    return f"{place}, {best} is ahead of {enumerate_words(first_labels(behind, named))}: mean score {scores}."


def measured(study: Study) -> list[tuple[str, str, str]]:
    """Each task, objective and scope with scores; if any has dependency lengths, only those that have."""
    scores = study.scores
    far = scores.loc[scores["measure"] == AREA, ["task", "objective"]]
    known = set(far.itertuples(index=False, name=None))
    places = set(zip(scores["task"], scores["objective"], scores["scope"], strict=True))
    kept = [place for place in places if not known or place[:2] in known]
    return sorted(kept, key=lambda place: (*place[:2], SCOPES.index(place[2])))


def cell_counts(study: Study) -> str:
    """The number of cells by status: "12 cells: 10 done, 2 diverged"."""
    counts = Counter(study.cells["status"])
    ordered = sorted(counts.items(), key=lambda item: (item[0] != "done", item[0]))
    return f"{count(len(study.cells), 'cell')}: " + ", ".join(f"{n} {status}" for status, n in ordered)


def finding(study: Study, task: str, objective: str, scope: str, *, named: int) -> str:
    """Which encodings are told apart on one task and objective in one scope, and their scores.

    Args:
        named: the number of labels that are named; the others are counted.
    """
    rows = matching(study.scores, task=task, objective=objective, scope=scope)
    place = _Place(study, task, objective, scope, by_distance=rows["measure"].iloc[0] == AREA)
    runs = span(rows.groupby("label")["seed"].nunique(), "seed")
    ranking = study.rankings.each.get((task, objective, scope))
    if ranking is None:
        (label,) = sorted(set(rows["label"]))
        end = place.remark([label])
        return f"On {place.name}, {label} has {place.noun} {place.score(label)}{end} ({runs})."
    best, behind = lead(ranking)
    last = behind[-1] if behind else ranking.labels[-1]
    scores = f"{place.noun} {place.score(best)} with {best}, {place.score(last)} with {last}"
    end = f"{place.remark([best, last])} ({runs})."
    if not behind:
        why = why_not_apart(ranking, best, last, named=False)
        return f"On {place.name}, no encodings are told apart: {scores}{why}{end}"
    tied = [label for label in ranking.labels if label != best and label not in behind]
    verb = "information carries farther" if place.carries(best) else "the score is higher"
    sentence = (
        f"On {place.name}, {verb} with {best} than with {enumerate_words(first_labels(behind, named))}: "
        f"{scores}"
    )
    if tied:
        means = ranking.means.set_index("label")["mean"]
        scored = [f"{label} ({fraction(means[label])})" for label in tied]
        sentence += f"; not told apart from {best}: {enumerate_words(first_labels(scored, named))}"
        sentence += why_tied(ranking, best, tied)
    return f"{sentence}{end}"


@dataclass(frozen=True)
class _Place:
    """A task and objective in one scope, and how scores are told there.

    Attributes:
        by_distance: whether the score is an area by distance.
    """

    study: Study
    task: str
    objective: str
    scope: str
    by_distance: bool

    @property
    def name(self) -> str:
        """The title of the task; beyond the training length, with the lengths."""
        name = title(self.task, self.objective, self.study.cells)
        if self.scope == SCOPES[0]:
            return name
        runs = matching(self.study.by_length[1], task=self.task, objective=self.objective)
        lengths = sorted(set(runs.loc[runs["length"] > runs["train_length"], "length"]))
        trained = int(runs["train_length"].iloc[0])
        return f"{name} {self.scope} ({_listed(lengths)} tokens instead of {trained})"

    @property
    def noun(self) -> str:
        """What the score is."""
        return "area under accuracy by distance" if self.by_distance else "normalised accuracy"

    def score(self, label: str) -> str:
        """The score of a label with its interval, and its reach where there are distances."""
        where = {"task": self.task, "objective": self.objective, "label": label}
        if self.by_distance:
            row = matching(self.study.by_distance.reach, scope=self.scope, **where).iloc[0]
            text = with_interval(row["area"], row["area_low"], row["area_high"])
            return f"{text}, reach {reach(*row[['reach', 'low', 'high', 'shortest', 'longest']])}"
        ranking = self.study.rankings.each.get((self.task, self.objective, self.scope))
        if ranking is not None:
            return with_interval(*matching(ranking.means, label=label).iloc[0][["mean", "low", "high"]])
        scores = matching(self.study.scores, scope=self.scope, **where)["value"]
        return with_interval(*bounded_mean(scores.to_numpy(float)))

    def carries(self, label: str) -> bool:
        """Whether the score is about distances, and a run of the label has learned the task."""
        found = learned(self.study.by_length[1], (self.task, self.objective, label))
        return self.by_distance and found is not None and found.count > 0

    def remark(self, labels: Sequence[str]) -> str:
        """Which of these labels have not learned the task at the training length, or not in all runs."""
        runs = self.study.by_length[1]
        found = {label: learned(runs, (self.task, self.objective, label)) for label in labels}
        known = {label: each for label, each in found.items() if each is not None}
        none = [f"{label} ({below(each.score, LEARNED)})" for label, each in known.items() if not each.count]
        some = [
            f"{each.count} of {each.runs} runs of {label}"
            for label, each in known.items()
            if 0 < each.count < each.runs
        ]
        text = f"; not yet learned at the training length: {enumerate_words(none)}" if none else ""
        return text + (f"; learned at the training length by {enumerate_words(some)}" if some else "")


def _listed(lengths: Sequence[int]) -> str:
    return enumerate_words([str(int(length)) for length in lengths])


def first_labels(labels: list[str], named: int) -> list[str]:
    """At most `named` entries: the first labels, then the number of the others."""
    if len(labels) <= named:
        return labels
    return [*labels[: named - 1], count(len(labels) - named + 1, "other")]
