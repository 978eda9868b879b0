"""Prose and tables of the rankings: over tasks, of each task, and all pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from string import ascii_lowercase

import pandas as pd

from posharness.contracts import Section
from posharness_reports.data.grouping import matching
from posharness_reports.data.prepare import title
from posharness_reports.formatting import (
    count,
    difference,
    enumerate_words,
    escape_markdown,
    fraction,
    rank_range,
    with_interval,
)
from posharness_reports.measures.failures import failed_runs
from posharness_reports.measures.ranking import Pair, Ranking, behind_of
from posharness_reports.measures.statistics import ALPHA
from posharness_reports.measures.unsure import why_tied
from posharness_reports.study import Study
from posharness_reports.tables.tidy import folded

__all__ = ["against", "describe", "pairs_table", "ranking_table", "sentence"]

_NAMED, _ROUNDING = 6, 1e-9
_ABOUT = (
    "Every encoding is compared with every other by the score of its runs. At the training length that is "
    "the area under normalised accuracy by distance, or normalised accuracy where a task has no distances. "
    "Beyond the training length it is normalised accuracy, mean over the longer lengths; an encoding that is "
    "undefined at one of them is left out there. A task counts once: over tasks, the objectives and settings "
    "of a run are averaged, those that all ranked encodings have. "
    "Tasks without dependency lengths (with spans, or controls) are ranked "
    "apart. A difference is tested by Student's t over runs. The variance between the runs of an encoding "
    "on a task is its own, or that of the runs beside it (of the other encodings on the task, and of the "
    "other tasks) where that is larger: few runs can agree by chance. Two encodings are *told apart* if p ≤ "
    f"{ALPHA} after correction for all pairs of all rankings of this report (Holm) and for its claims. "
    "Brackets are about the runs of the encodings alone, and can leave out 0 where the test does not. "
    "*Rank*: the best and the worst rank that these "
    "tests leave. Encodings with a *group* letter in common are not told apart. *Interquartile mean*: the "
    "mean of the middle half of all runs. *Improvement*: the probability that a run of the first is better "
    "than a run of the second. Teacher-forced and free-running decoding are ranked apart, and so are the "
    "training length and what is beyond it."
)


def describe(study: Study) -> Section | None:
    """The section; None if there is nothing to rank."""
    rankings = study.rankings
    if not rankings.each and not rankings.overall:
        return None
    overall = {_over(ranking, *key): ranking for key, ranking in rankings.overall.items()}
    each = {_on(study, *key): ranking for key, ranking in rankings.each.items()}
    failed = {
        _over(ranking, *key): failed_runs(study.cells, ranking.blocks, by="posed")
        for key, ranking in rankings.overall.items()
    }
    failed |= {_on(study, *key): failed_runs(study.cells, [key[0]]) for key in rankings.each}
    lines = [sentence(place, ranking, failed[place]) for place, ranking in (overall or each).items()]
    lines += _disagreements(overall)
    for task in dict.fromkeys(key[0] for key in rankings.each):
        of_task = {_on(study, *key): ranking for key, ranking in rankings.each.items() if key[0] == task}
        lines += _disagreements(of_task)
    lines += _averaged(study)
    everywhere = overall | each
    tables = {f"Ranking {place}": ranking_table(ranking, failed[place]) for place, ranking in overall.items()}
    tables |= {
        f"Ranking {place}": folded(ranking_table(ranking, failed[place])) for place, ranking in each.items()
    }
    if study.baseline:
        tables["Against the baseline"] = against(study.baseline, everywhere)
    tables["All pairs of encodings"] = folded(pairs_table(everywhere))
    return Section(
        "Ranking of all encodings",
        "\n\n".join([_ABOUT, "\n".join(f"- {escape_markdown(line)}" for line in lines)]),
        {caption: table for caption, table in tables.items() if len(table)},
    )


def sentence(place: str, ranking: Ranking, failed: Mapping[str, int] = {}) -> str:
    """What a ranking says: the label with the highest mean, and what is and is not told apart from it.

    Args:
        failed: the number of failed runs of labels that have any.
    """
    best, means = ranking.labels[0], ranking.means.set_index("label")["mean"]
    highest = [label for label in ranking.labels if means[label] > means[best] - _ROUNDING]
    behind = behind_of(ranking, best)
    tied = [label for label in ranking.labels[1:] if label not in behind]
    mean = with_interval(*ranking.means.iloc[0][["mean", "low", "high"]])
    text = f"{place}: {best} has the highest mean score, {mean}"
    if len(highest) > 1:
        text += f" (and so {'has' if len(highest) == 2 else 'have'} {_listed(highest[1:])})"
    if behind:
        text += f"; it is told apart from {_listed(behind)}"
    if tied:
        text += f"; not told apart from it: {_listed(tied)}"
        text += why_tied(ranking, best, tied)
    left_out = [f"{failed[label]} of {label}" for label in ranking.labels if label in failed]
    if left_out:
        text += f"; failed runs are not in these means: {_listed(left_out)}"
    if ranking.left_out:
        text += f"; without {_listed(ranking.left_out)}, for lack of results that the others have"
    return f"{text}."


def ranking_table(ranking: Ranking, failed: Mapping[str, int] = {}) -> pd.DataFrame:
    """A row for each label, the highest mean first.

    Args:
        failed: the number of failed runs of labels that have any; the means are without these.
    """
    ranks = ranking.ranks(ALPHA)
    groups = ranking.groups(ALPHA)
    letters = {
        label: "".join(_letter(i) for i, group in enumerate(groups) if label in group)
        for label in ranking.labels
    }
    return pd.DataFrame(
        [
            {
                "encoding": row["label"],
                "rank": rank_range(*ranks[row["label"]]),
                "group": letters[row["label"]],
                "score": with_interval(row["mean"], row["low"], row["high"]),
                "interquartile mean": fraction(row["middle"]),
                "runs": row["runs"],
                "failed": failed.get(row["label"], 0),
            }
            for row in ranking.means.to_dict("records")
        ]
    )


def pairs_table(rankings: Mapping[str, Ranking]) -> pd.DataFrame:
    """A row for each pair of labels in each ranking."""
    return pd.DataFrame(
        [{"on": place, **_pair(pair)} for place, ranking in rankings.items() for pair in ranking.pairs]
    )


def against(baseline: str, rankings: Mapping[str, Ranking]) -> pd.DataFrame:
    """Every label against the baseline, in each ranking that has it; positive where the label is better."""
    rows = []
    for place, ranking in rankings.items():
        for pair in ranking.pairs:
            if baseline in (pair.better, pair.other):
                ends = pair.effect.overall.interval()
                mean, low, high = pair.effect.overall.mean, *ends
                if pair.better == baseline:
                    mean, low, high = -mean, -high, -low
                label = pair.other if pair.better == baseline else pair.better
                rows.append(
                    {
                        "on": place,
                        "encoding": label,
                        f"difference from {baseline}": difference(mean, low, high),
                        "p (Holm)": pair.p,
                        "told apart": pair.p <= ALPHA,
                    }
                )
    return pd.DataFrame(rows)


def _pair(pair: Pair) -> dict[str, object]:
    overall = pair.effect.overall
    tasks = pair.effect.by_block
    return {
        "better": pair.better,
        "other": pair.other,
        "difference": difference(overall.mean, *overall.interval()),
        "better in": f"{sum(each.mean > 0 for each in tasks.values())} of {count(len(tasks), 'task')}",
        "improvement": fraction(pair.improvement),
        "p (Holm)": pair.p,
        "told apart": pair.p <= ALPHA,
    }


def _over(ranking: Ranking, decoding: str, scope: str) -> str:
    return f"over {count(len(ranking.blocks), 'task')}, {_outcome(decoding, scope)}"


def _on(study: Study, task: str, objective: str, scope: str) -> str:
    return f"on {title(task, objective, study.cells)}, {scope}"


def _outcome(decoding: str, scope: str) -> str:
    return f"{decoding}, {scope}"


def _disagreements(rankings: Mapping[str, Ranking]) -> Iterator[str]:
    """The pairs that two rankings tell apart in opposite directions."""
    for (one, first), (other, second) in combinations(rankings.items(), 2):
        apart = second.separated(ALPHA)
        for better, worse in first.separated(ALPHA):
            if (worse, better) in apart:
                yield f"Opposite orders: {better} is above {worse} {one}, and below it {other}."


def _averaged(study: Study) -> Iterator[str]:
    """The tasks whose score is a mean over objectives or settings, or about one of several."""
    for (decoding, scope), ranking in study.rankings.overall.items():
        rows = matching(study.scores, ranked_as=decoding, scope=scope)
        rows = rows[rows["label"].isin(ranking.labels) & rows["value"].notna()]
        for posed in ranking.blocks:
            having = matching(rows, posed=posed).groupby(["task", "objective"])["label"].nunique()
            every = having == len(ranking.labels)
            parts, rest = (
                [title(task, objective, study.cells) for task, objective in sorted(having.index[kept])]
                for kept in (every, ~every)
            )
            if len(having) > 1:
                what = f"the mean over {_listed(parts)}" if len(parts) > 1 else f"that on {parts[0]}"
                why = f": not all of the ranked encodings have results on {_listed(rest)}" if rest else ""
                yield f"The score of {posed}, {_outcome(decoding, scope)}, is {what}{why}."


def _listed(labels: Sequence[str]) -> str:
    if len(labels) <= _NAMED:
        return enumerate_words(labels)
    return enumerate_words([*labels[: _NAMED - 1], count(len(labels) - _NAMED + 1, "other")])


def _letter(i: int) -> str:
    """a … z, then a2 … z2 and so on."""
    repeat, place = divmod(i, len(ascii_lowercase))
    return ascii_lowercase[place] + (str(repeat + 1) if repeat else "")


def _span(best: int, worst: int) -> str:
    return str(best) if best == worst else f"{best}–{worst}"
