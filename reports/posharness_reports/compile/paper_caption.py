"""The caption of a table in a paper: what it is, from what runs, and what its brackets are."""

from __future__ import annotations

from collections.abc import Sequence

from posharness_reports.formatting import count, enumerate_words, show, span
from posharness_reports.study import Study

__all__ = ["paper_caption", "runs_in_words"]

_NAMED = 6


def runs_in_words(study: Study) -> str:
    """From what runs a study is: "From rope and alibi on copy: 3 seeds of each, n = 512 predictions"."""
    done = study.cells[study.cells["status"] == "done"]
    if done.empty:
        return ""
    labels, tasks = (sorted(set(done[name].astype(str))) for name in ("label", "task"))
    seeds = done.groupby(["label", "task"], observed=True)["seed"].nunique()
    return (
        f"From {_named(labels, 'encoding')} on {_named(tasks, 'task')}: {span(seeds, 'seed')} of each, "
        f"n = {show(len(study.predictions))} scored predictions"
    )


def paper_caption(caption: str, fields: Sequence[Sequence[str]], runs: str) -> str:
    """The caption with the runs, and with what brackets are if there are any."""
    brackets = any("[" in field and "," in field for row in fields for field in row)
    sentences = [caption.rstrip("."), runs, "Brackets: 95 % intervals" if brackets else ""]
    return ". ".join(filter(None, sentences))


def _named(names: Sequence[str], noun: str) -> str:
    return enumerate_words(names) if len(names) <= _NAMED else count(len(names), noun)
