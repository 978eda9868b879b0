"""The headline of a report: its most telling finding."""

from __future__ import annotations

from posharness_reports.data.grouping import matching
from posharness_reports.formatting import count, enumerate_words
from posharness_reports.measures.accuracy import SCOPES
from posharness_reports.measures.ranking import Ranking, lead
from posharness_reports.measures.scores import NO_DISTANCES
from posharness_reports.sections.overview.findings import (
    cell_counts,
    finding,
    first_labels,
    measured,
    over_tasks,
)
from posharness_reports.study import Study

__all__ = ["headline", "over_dependencies", "separating_over_tasks", "subject"]

_NAMED = 3


def headline(study: Study) -> str:
    """The finding that separates encodings most; without a result, the number of cells.

    Findings are about one task, at the training length or beyond it. What counts is the lower end of the
    interval of the difference between the best label and the last that is told apart from it. What the
    other length of the same task says follows. If no single task separates any, the headline is about what
    all tasks together separate, or says that nothing is separated.
    """
    trained = study.trained
    keys = _keys(trained)
    if not keys:
        return _about_readings(study) if trained.cells.empty else f"No result yet: {cell_counts(study)}."
    each = _rankings(trained)
    shown = subject(study) or keys[0]
    if not shown[0]:
        clearest = shown[1:]
        return over_tasks(trained.rankings.overall[clearest], *clearest, named=_NAMED)
    text = finding(trained, *shown, named=_NAMED)
    if any(_sure_difference(ranking) for ranking in each.values()):
        other = (*shown[:2], SCOPES[1 - SCOPES.index(shown[2])])
        return f"{text} {_other(each[other], other[2])}" if other in each else text
    if len(each) > 1:
        posed = dict(zip(trained.cells["task"], trained.cells["posed"], strict=True))
        tasks, measured_tasks = (
            len({posed.get(key[0], key[0]) for key in keys_of}) for keys_of in (each, keys)
        )
        scopes = {key[2] for key in each}
        where = "at the training length or beyond it" if len(scopes) > 1 else scopes.pop()
        place = f"on any of {tasks} tasks" if tasks > 1 else "on the only task"
        limits = ["dependency lengths"] if len(each) < len(trained.rankings.each) else []
        limits += ["results of several encodings"] if tasks < measured_tasks else []
        place += f" with {enumerate_words(limits)}" if limits else ""
        text = f"No encodings are told apart {place}, {where}. {text}"
    return text


def subject(study: Study) -> tuple[str, str, str] | None:
    """The task, objective and scope that the headline is about; None if nothing is ranked.

    Where it is about all tasks, the task is "" and the objective is the decoding.
    """
    trained = study.trained
    each = _rankings(trained)
    sure = {key: _sure_difference(ranking) for key, ranking in each.items()}
    if any(sure.values()):
        return max(sure, key=lambda key: sure[key])
    clearest = separating_over_tasks(trained) if each else None
    if clearest is not None:
        return ("", *clearest)
    return max(each, key=lambda key: _spread(each[key]), default=None)


def _keys(trained: Study) -> list[tuple[str, str, str]]:
    return measured(trained) if len(trained.scores) else []


def _rankings(trained: Study) -> dict[tuple[str, str, str], Ranking]:
    rankings = trained.rankings.each
    return {key: rankings[key] for key in _keys(trained) if key in rankings}


def separating_over_tasks(study: Study) -> tuple[str, str] | None:
    """The decoding and scope whose ranking separates encodings over the most tasks, and among those most.

    None if no ranking over tasks separates any.
    """
    overall = over_dependencies(study)
    over = [key for key, ranking in overall.items() if lead(ranking)[1]]
    return max(over, key=lambda key: (len(overall[key].blocks), _sure_difference(overall[key])), default=None)


def over_dependencies(study: Study) -> dict[tuple[str, str], Ranking]:
    """The rankings over tasks with dependency lengths; over all tasks if none has dependency lengths."""
    overall = study.rankings.overall
    return {key: ranking for key, ranking in overall.items() if not key[0].endswith(NO_DISTANCES)}


def _other(ranking: Ranking, scope: str) -> str:
    """What the other scope of the same task says."""
    best, behind = lead(ranking)
    there = f"{scope.capitalize()} on the same task"
    if not behind:
        return f"{there}, no encodings are told apart."
    return f"{there}, {best} is ahead of {enumerate_words(first_labels(behind, _NAMED))}."


def _sure_difference(ranking: Ranking) -> float:
    """The lower end of the difference between the best label and the last told apart; 0 if none is."""
    best, behind = lead(ranking)
    pairs = {(pair.better, pair.other): pair for pair in ranking.pairs}
    return max(0.0, pairs[best, behind[-1]].effect.overall.interval()[0]) if behind else 0.0


def _spread(ranking: Ranking) -> float:
    return float(ranking.means["mean"].max() - ranking.means["mean"].min())


def _about_readings(study: Study) -> str:
    """The readings of a store that has trained nothing."""
    done = matching(study.readings.cells, status="done")
    if done.empty:
        return f"No result yet: {cell_counts(study)}."
    models = count(done["pretrained"].nunique(), "pretrained model")
    return f"Readings of {models}: {enumerate_words(sorted(set(done['task'])))}."
