"""The caption of a table in a paper: what it is, from what runs, and what its brackets are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from posharness_reports.formatting import count, enumerate_words, span
from posharness_reports.study import Study

__all__ = ["paper_caption", "runs_in_words"]

_NAMED = 6
_ENCODINGS, _TASK = ("encoding", "better", "other"), "task"
"""The columns of tables that name encodings, and the one that names a task."""


def paper_caption(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], study: Study | None
) -> str:
    """The caption with the runs of its rows, and with what brackets are if there are any.

    Args:
        study: the runs that the table may be from; None if that is not known.
    """
    brackets = any("[" in field and "," in field for row in rows for field in row)
    runs = runs_in_words(study, caption, columns, rows) if study is not None else ""
    sentences = [caption.rstrip("."), runs, "Brackets: 95 % intervals" if brackets else ""]
    return ". ".join(filter(None, sentences))


def runs_in_words(study: Study, caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """From what runs a table is: "From rope and alibi on copy: 3 seeds of each"; "" if it names none.

    Encodings are those in its rows, or in all its headings; tasks those in its rows, or in its caption.
    """
    done = study.cells[study.cells["status"] == "done"]
    known = set(done["label"].astype(str))
    labels = {field for name in _ENCODINGS for field in _column(name, columns, rows)} & known
    if not labels and len(columns) > 1 and known.issuperset(columns[1:]):
        labels = set(columns[1:])
    about = {name: task for name, (task, _) in study.titles.items()} | {
        task: task for task in done["task"].astype(str)
    }
    named = _column(_TASK, columns, rows) & about.keys() or _named_in(caption, about)
    if not labels and not named:
        return ""
    own = done[done["label"].isin(labels or known)]
    if named:
        own = own[own["task"].isin({about[name] for name in named})]
    if own.empty:
        return ""
    seeds = own.groupby(["label", "task"], observed=True)["seed"].nunique()
    whose = _listed(sorted(labels or set(own["label"].astype(str))), "encoding")
    # Of several, the tasks: a title such as "copy, free-running" would read as two.
    places = {about[name] for name in named} if len(named) > 1 else named
    where = f" on {_listed(sorted(places), 'task')}" if places else ""
    return f"From {whose}{where}: {span(seeds, 'seed')} of each"


def _column(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> set[str]:
    """The fields of a column; none if the table does not have it."""
    places = [place for place, column in enumerate(columns) if column == name]
    return {row[place] for row in rows for place in places}


def _named_in(caption: str, names: Iterable[str]) -> set[str]:
    """The names that are in a caption; of those within a longer one, only that."""
    left, found = caption, set()
    for name in sorted(names, key=len, reverse=True):
        pattern = rf"(?<![\w\[-]){re.escape(name)}(?![\w\[-])"
        if re.search(pattern, left):
            found.add(name)
            left = re.sub(pattern, " ", left)
    return found


def _listed(names: Sequence[str], noun: str) -> str:
    return enumerate_words(names) if len(names) <= _NAMED else count(len(names), noun)
