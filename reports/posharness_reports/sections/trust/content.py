"""Sentences on what the results of a report rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import pandas as pd

from posharness.contracts import Section
from posharness.contracts.versions import SUPERSEDED
from posharness_reports.data.grouping import matching
from posharness_reports.data.made_with import MADE_WITH
from posharness_reports.data.prepare import title
from posharness_reports.formatting import count, enumerate_words, escape_markdown, fraction, show, span
from posharness_reports.measures.accuracy import SCOPES, learned
from posharness_reports.measures.outcomes import FOLLOWED
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
    sentences = [_runs(planned, done), *_training(trained), *_sources(study.trained), *_blind(trained)]
    lines = [f"- {escape_markdown(sentence)}" for sentence in (*sentences, *_made_with(done))]
    where = [f"- {_WHERE}"] if len(done) else []
    return Section("What these results rest on", "\n".join([*lines, *where]))


def _runs(planned: pd.DataFrame, done: pd.DataFrame) -> str:
    """How the planned runs ended, and of how many seeds results are."""
    n, ended = len(planned), Counter(planned["status"]).most_common()
    rest = enumerate_words([f"{show(number)} {status}" for status, number in ended if status != "done"])
    text = f"{show(len(done))} of {count(n, 'planned run')} {'is' if len(done) == 1 else 'are'} done"
    text += f", {rest}" if rest else ""
    if len(done):
        seeds = done.groupby(["task", "label"])["seed"].nunique()
        text += f": {span(seeds, 'seed')} of each encoding on each task"
    return f"{text}."


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
    text = f"{count(int(asked['predictions'].sum()), 'question')} were asked again with the source changed."
    runs = trained.by_length[1]
    shares: dict[str, float] = {}
    for row in matching(asked, scope=SCOPES[0]).to_dict("records"):
        found = learned(runs, (row["task"], row["objective"], row["label"]))
        if found is not None and found.count == found.runs:
            place = title(row["task"], row["objective"], trained.cells)
            shares[f"{row['label']} on {place}"] = row["share"]
    if not shares:
        yield f"{text} No encoding has learned a task in all runs, so that this shows little."
        return
    least = min(shares, key=shares.__getitem__)
    yield (
        f"{text} Where all runs of an encoding have learned a task, a share of {fraction(shares[least])} "
        f"({least}) or more of its answers followed the change, at the training length."
    )


def _blind(trained: pd.DataFrame) -> Iterator[str]:
    """On how many tasks a score begins at what can be known without the source."""
    kinds = trained.drop_duplicates("task")["distance"]
    known = int((kinds == "dependency").sum())
    if known:
        rest = ", and chance on the others" if known < len(kinds) else ""
        yield (
            f"A score of 0 is what can be known without the farthest source (blind) on {known} of "
            f"{count(len(kinds), 'task')}{rest}."
        )


def _made_with(done: pd.DataFrame) -> Iterator[str]:
    """What all runs were made with, and in what they differ."""
    found = {
        noun: sorted({str(v) for v in done[column].dropna()} - {""}) for column, noun in MADE_WITH.items()
    }
    alike = [f"{noun} {values[0]}" for noun, values in found.items() if len(values) == 1]
    differ = [f"{noun} ({', '.join(values)})" for noun, values in found.items() if len(values) > 1]
    if alike:
        yield f"All finished runs were made with {enumerate_words(alike)}."
    if differ:
        yield f"Finished runs differ in {enumerate_words(differ)}."
