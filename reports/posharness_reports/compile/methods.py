"""The methods paragraph of a report: what was run and how it was tested, in sentences for a paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from posharness_reports.data.grouping import grouped
from posharness_reports.formatting import count, enumerate_words, fraction, show, span
from posharness_reports.measures.statistics import ALPHA, LEVEL
from posharness_reports.study import Study

__all__ = ["methods"]

_SIZES = {"layers": "{} layers", "heads": "{} heads", "width": "width {}"}
_TRAINING = {"batch": "batches of {}", "lr": "a learning rate of {}", "precision": "precision {}"}
_VERSIONS = {"torch": "PyTorch {}", "python": "Python {}"}


def methods(study: Study) -> str:
    """Paragraphs of plain text, made from the finished cells; "" if none is finished."""
    trained = study.trained
    done = trained.cells[trained.cells["status"] == "done"]
    if done.empty:
        return ""
    seeds = span(done.groupby(["task", "label"])["seed"].nunique(), "seed")
    parts = [
        f"We compared {enumerate_words(sorted(set(done['label'])))} with {seeds} for each encoding and task. "
        "All encodings of a task and seed had the same data in the same order.",
        *(_task(str(task), rows, trained) for (task,), rows in grouped(done, ["task"])),
        _tests(),
        _where_it_ran(done),
    ]
    return "\n\n".join(parts) + "\n"


def _task(task: str, cells: pd.DataFrame, study: Study) -> str:
    """How one task was trained and tested."""
    lengths = sorted({int(length) for length in study.by_length[0].query("task == @task")["length"]})
    sizes = [words.format(text) for name, words in _SIZES.items() if (text := _values(cells, name))]
    training = [words.format(text) for name, words in _TRAINING.items() if (text := _values(cells, name))]
    steps = _listed(show(int(value)) for value in sorted(set(cells["steps"].dropna())))
    trained = _listed(str(int(value)) for value in sorted(set(cells["train_length"].dropna())))
    text = f"On {task}, {_listed(sorted(set(cells['body'])))} models"
    text += f" of {enumerate_words(sizes)}" if sizes else ""
    text += f" were trained for {steps} steps"
    text += f" with {enumerate_words(training)}" if training else ""
    text += f" on sequences of {trained} tokens" if trained else ""
    return f"{text}, and tested on sequences of {_listed(map(str, lengths))} tokens."


def _tests() -> str:
    return (
        "Accuracy is normalised: 0 is the best prediction that knows everything but the farthest source, "
        f"and 1 is perfect. The unit of every test is a run. Intervals are {100 * LEVEL:.0f} % intervals by "
        "Student's t over runs; differences between encodings have Welch's test, and means over tasks "
        "Satterthwaite's degrees of freedom. p-values are corrected by Holm's method for all statements of "
        f"the report, at {fraction(ALPHA)} in all."
    )


def _where_it_ran(done: pd.DataFrame) -> str:
    found = [
        words.format(_listed(sorted({str(value) for value in done[column].dropna()} - {""})))
        for column, words in _VERSIONS.items()
        if done[column].notna().any()
    ]
    hours = float(done["seconds"].sum()) / 3600
    ran = f" with {enumerate_words(found)}" if found else ""
    machines = sorted(set(map(_machine, done.to_dict("records"))) - {""})
    place = f" on {enumerate_words(machines)}" if machines else ""
    return f"{count(len(done), 'run')} took {hours:.1f} hours of training{ran}{place}."


def _machine(cell: Mapping[Any, Any]) -> str:
    """The GPU that trained a cell, or else the processor."""
    device, processor, architecture = (
        "" if pd.isna(cell[name]) else str(cell[name]) for name in ("device", "cpu", "machine")
    )
    return device if device not in ("", "cpu") else processor or architecture


def _values(cells: pd.DataFrame, name: str) -> str:
    """The values of a setting, the first met first."""
    values: dict[str, Any] = {
        str(settings[name]): None for settings in cells["settings"] if settings and name in settings
    }
    return _listed(values)


def _listed(words: Iterable[str]) -> str:
    return enumerate_words(list(words))
