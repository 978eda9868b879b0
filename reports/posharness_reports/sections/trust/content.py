"""Sentences on what the results of a report rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import pandas as pd

from posharness.contracts import Section
from posharness.contracts.versions import SUPERSEDED
from posharness_reports.data.grouping import matching
from posharness_reports.data.made_with import MADE_WITH, known_values
from posharness_reports.data.prepare import title
from posharness_reports.formatting import at_least, count, enumerate_words, escape_markdown, show, span
from posharness_reports.measures.accuracy import SCOPES, learned, tasks_by_zero
from posharness_reports.measures.outcomes import FOLLOWED
from posharness_reports.measures.seeds import seeds_of_each, without_result
from posharness_reports.study import Study
from posharness_reports.tables.learning import stopped_early

__all__ = ["describe"]

_WHERE = (
    "How it was done is in `methods.txt` beside this page, in sentences for a paper. All numbers are in the "
    "folder `data`, whose files the foot of the page links."
)


def describe(study: Study) -> Section | None:
    """The section; None without a planned run."""
    planned = study.cells[study.cells["status"] != SUPERSEDED]
    if planned.empty:
        return None
    done = planned[planned["status"] == "done"]
    trained = done[done["pretrained"] == ""]
    sentences = [*_runs(planned), *_training(trained), *_sources(study.trained), *_blind(study.trained)]
    lines = [f"- {escape_markdown(sentence)}" for sentence in (*sentences, *_made_with(done))]
    where = [f"- {_WHERE}"] if len(done) else []
    return Section("What these results rest on", "\n".join([*lines, *where]))


_ENDED = {
    "done": "{is} done",
    "failed": "failed",
    "diverged": "diverged",
    "timeout": "ran out of time",
    "crashed": "crashed",
    "interrupted": "{was} interrupted",
    "running": "{is} running",
}
"""What runs with a status did, as a verb. Those with any other status were not started."""


def _runs(planned: pd.DataFrame) -> Iterator[str]:
    """How the runs ended, and of how many seeds results are.

    A store does not know which runs were planned, but only those that were begun.
    """
    counts = Counter(planned["status"]).most_common()
    found = sorted(counts, key=lambda each: each[0] != "done")
    ended = [f"{show(n)} {_ENDED[status].format(**_verbs(n))}" for status, n in found if status in _ENDED]
    others = [f"{show(n)} {_verbs(n)['was']} {status}" for status, n in found if status not in _ENDED]
    started = sum(n for status, n in found if status in _ENDED)
    text = f"{count(started, 'run')} {_verbs(started)['was']} started" if started else "No run was started"
    if len(ended) > 1 or any(status != "done" for status, _ in found if status in _ENDED):
        text += f": {enumerate_words(ended)}"
    elif ended:
        text += f", and {'all are' if started > 1 else 'it is'} done"
    yield f"{text}{'; ' + enumerate_words(others) if others else ''}."
    read = planned["pretrained"] != ""
    seeds = pd.concat([seeds_of_each(planned[~read]), seeds_of_each(planned[read])])
    if seeds.any():
        lacking = without_result(seeds)
        but = f"; without a result: {lacking}" if lacking else ""
        yield f"Results are of {span(seeds[seeds > 0], 'seed')} of each encoding on each task{but}."


def _verbs(n: int) -> dict[str, str]:
    return {"is": "is", "was": "was"} if n == 1 else {"is": "are", "was": "were"}


def _training(trained: pd.DataFrame) -> Iterator[str]:
    """Whether runs made all the steps that they were given."""
    if not any(isinstance(own, Mapping) and own.get("steps") for own in trained["settings"]):
        return
    stopped = stopped_early(trained)
    if stopped.empty:
        yield "Every finished run was trained for all the steps that it was given."
        return
    steps = dict.fromkeys((show(int(stopped["last_step"].min())), show(int(stopped["last_step"].max()))))
    yield (
        f"{show(len(stopped))} of {count(len(trained), 'finished run')} stopped before the steps that they "
        f"were given, after {'–'.join(steps)}, as their budget lets them; Learning curves compares all at "
        "equal steps."
    )


def _sources(trained: Study) -> Iterator[str]:
    """Whether answers follow their source where a task has been learned."""
    asked = matching(trained.outcomes.overall, change="source", outcome=FOLLOWED)
    if asked.empty:
        if len(trained.predictions):
            yield "No question was asked again with its source changed: answers may come from elsewhere."
        return
    runs = trained.by_length[1]
    lacking = _never_asked(asked, runs, trained.cells)
    text = f"For {count(int(asked['predictions'].sum()), 'answer')} the question was asked again with its "
    text += "source changed" + (f", but for none on {lacking}." if lacking else ".")
    shares: dict[str, float] = {}
    for row in matching(asked, scope=SCOPES[0]).to_dict("records"):
        found = learned(runs, (row["task"], row["objective"], row["label"]))
        if found is not None and found.count == found.runs:
            place = title(row["task"], row["objective"], trained.cells)
            shares[f"{row['label']} on {place}"] = row["share"]
    if not shares:
        task = "any other task" if lacking else "a task"
        yield f"{text} No encoding has learned {task} in all finished runs, so that this shows little."
        return
    task = "another task" if lacking else "a task"
    least = min(shares, key=shares.__getitem__)
    yield (
        f"{text} Where all finished runs of an encoding have learned {task}, a share of "
        f"{at_least(shares[least])} ({least}) or more of its answers followed the "
        "change, at the training length."
    )


def _never_asked(asked: pd.DataFrame, runs: pd.DataFrame, cells: pd.DataFrame) -> str:
    """The tasks with results, or objectives of them, of which no question was asked again, as words."""
    places = [sorted(set(zip(rows["task"], rows["objective"], strict=True))) for rows in (runs, asked)]
    known = {task for task, _ in places[1]}
    names = [title(*place, cells) if place[0] in known else place[0] for place in places[0]
             if place not in places[1]]  # fmt: skip
    return enumerate_words(list(dict.fromkeys(names)))


def _blind(trained: Study) -> Iterator[str]:
    """On which tasks a score of 0 is chance, and where more can be known without the source."""
    blind, chance = tasks_by_zero(trained.by_length[0], trained.cells)
    if not blind and not chance:
        return
    every = f"all {show(len(chance))} tasks" if len(chance) > 2 else enumerate_words(chance)
    text = f"A score of 0 is chance on {every}"
    if blind:
        text = (
            "A score of 0 is what can be known without the farthest source (blind), which is above chance, "
        )
        text += f"on {enumerate_words(blind)}"
        others = f"the other {show(len(chance))} tasks" if len(chance) > 2 else enumerate_words(chance)
        text += f", and chance on {others}" if chance else ""
    yield f"{text}."


def _made_with(done: pd.DataFrame) -> Iterator[str]:
    """What all runs were made with, in what they differ, and what is not known of each."""
    found = {noun: known_values(done, column) for column, noun in MADE_WITH.items()}
    alike = [
        f"{noun} {values[0]}" for noun, (values, unknown) in found.items() if len(values) == 1 and not unknown
    ]
    differ = [f"{noun} ({', '.join(values)})" for noun, (values, _) in found.items() if len(values) > 1]
    if alike:
        yield f"All finished runs were made with {enumerate_words(alike)}."
    if differ:
        yield f"Finished runs differ in {enumerate_words(differ)}."
    for noun, (values, unknown) in found.items():
        if values and unknown:
            known = len(done) - unknown
            value = f": {values[0]}" if len(values) == 1 else ""
            yield f"The {noun} of {show(known)} of {count(len(done), 'finished run')} is known{value}."
