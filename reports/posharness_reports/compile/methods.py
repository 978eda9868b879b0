"""The methods paragraph of a report: what was run and how it was tested, in sentences for a paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from posharness_reports.data.grouping import grouped
from posharness_reports.data.made_with import known_values
from posharness_reports.formatting import count, enumerate_words, fraction, percent, show, span
from posharness_reports.measures.accuracy import tasks_by_zero
from posharness_reports.measures.seeds import seeds_of_each, without_result
from posharness_reports.measures.statistics import ALPHA, CLAIMS_SHARE, LEVEL
from posharness_reports.sections.claims.verdicts import judge_claims
from posharness_reports.study import Study
from posharness_reports.tables.learning import stopped_early

__all__ = ["methods"]

_SIZES = {"layers": "{} layers", "heads": "{} heads", "width": "width {}"}
_TRAINING = {"batch": "batches of {}", "lr": "a learning rate of {}", "precision": "precision {}"}
_SCHEDULES = {"cosine": "fell to 0 along a cosine", "linear": "fell to 0 linearly", "constant": "stayed"}
_VERSIONS = {"torch": "PyTorch {}", "python": "Python {}"}


def methods(study: Study) -> str:
    """Paragraphs of plain text, made from the finished cells; "" if none is finished."""
    trained = study.trained
    done = trained.cells[trained.cells["status"] == "done"]
    if done.empty:
        return ""
    labels = sorted(set(done["label"]))
    seeds = seeds_of_each(done)
    lacking = without_result(seeds)
    verb, each = ("compared", "each encoding and task") if len(labels) > 1 else ("trained", "each task")
    alike = (
        " All encodings of a task and seed had the same data in the same order." if len(labels) > 1 else ""
    )
    parts = [
        f"We {verb} {enumerate_words(labels)} with {span(seeds[seeds > 0], 'seed')} for {each}"
        f"{f' (without a result: {lacking})' if lacking else ''}.{alike}",
        *(_task(str(task), rows, trained) for (task,), rows in grouped(done, ["task"])),
        " ".join([_normalised(trained), *_intervals(done), *_tests(trained)]),
        _where_it_ran(done),
    ]
    return "\n\n".join(parts) + "\n"


def _task(task: str, cells: pd.DataFrame, study: Study) -> str:
    """How one task was trained and tested."""
    lengths = sorted({int(length) for length in study.by_length[0].query("task == @task")["length"]})
    sizes = [words.format(text) for name, words in _SIZES.items() if (text := _values(cells, name))]
    training = [words.format(text) for name, words in _TRAINING.items() if (text := _values(cells, name))]
    trained = _listed(str(int(value)) for value in sorted(set(cells["train_length"].dropna())))
    text = f"On {task}, {_listed(sorted(set(cells['body'])))} models"
    text += f" of {enumerate_words(sizes)}" if sizes else ""
    text += f" were trained for {_steps(cells)}"
    text += f" by AdamW with {enumerate_words(training)}" if training else ""
    text += f" on sequences of {trained} tokens" if trained else ""
    text += f", and tested on sequences of {_listed(map(str, lengths))} tokens."
    return " ".join([text, *_schedule(cells), *_early_stop(cells)])


def _steps(cells: pd.DataFrame) -> str:
    """The steps that runs were given."""
    given = _numbers(cells, "steps") or sorted({int(value) for value in cells["steps"].dropna()})
    return f"{_listed(show(int(value)) for value in given)} steps"


def _schedule(cells: pd.DataFrame) -> Iterator[str]:
    """How the learning rate rose and fell, for each way that occurs."""
    ways = {
        (str(own.get("schedule")), float(own.get("warmup", 0.0)))
        for own in cells["settings"]
        if isinstance(own, Mapping) and {"schedule", "warmup"} <= set(own)
    }
    for schedule, warmup in sorted(ways):
        rose = (
            f"rose linearly over the first {percent(warmup)} of the steps"
            if warmup
            else "began at this value"
        )
        yield f"The learning rate {rose}, and then {_SCHEDULES.get(schedule, schedule)}."


def _early_stop(cells: pd.DataFrame) -> Iterator[str]:
    """What could end a training before its last step, and what did."""
    solved = [value for value in _numbers(cells, "solved") if value]
    patience = [int(value) for value in _numbers(cells, "patience") if value]
    if not solved and not patience:
        return
    ends = [
        f"every objective had an accuracy of {fraction(value)} in two validations in a row"
        for value in solved
    ]
    ends += [f"{count(value, 'validation')} had brought no better score" for value in patience]
    when = f"before that once {' or once '.join(ends)}"
    steps = sorted(stopped_early(cells)["last_step"])
    if not steps:
        yield f"Training would have ended {when}, which happened in no run."
        return
    made = "–".join(dict.fromkeys((show(int(steps[0])), show(int(steps[-1])))))
    yield f"Training ended {when} ({len(steps)} of {count(len(cells), 'run')}, after {made} steps)."


def _normalised(study: Study) -> str:
    """What 0 and 1 are: on some tasks more than chance can be known without the source."""
    blind, chance = tasks_by_zero(study.by_length[0], study.cells)
    known = "the best prediction that knows everything but the farthest source"
    zero = known if blind and not chance else "chance"
    if blind and chance:
        zero += f" (on {enumerate_words(blind)} it is {known})"
    return f"Accuracy is normalised: 0 is {zero}, and 1 is perfect."


def _intervals(done: pd.DataFrame) -> Iterator[str]:
    """What the intervals are about: runs, or the sequences of one."""
    seeds = done.groupby(["task", "label"])["seed"].nunique()
    level = f"{100 * LEVEL:.0f} % intervals"
    alone = "the test sequences of the one run, and say nothing about other seeds"
    if (seeds > 1).any():
        yield (
            f"The unit is a run, that is one seed of one encoding on one task. {level} of means are by "
            "Student's t over runs; above half of the way from 0 to 1 they also cover those by Student's t "
            "on the log odds."
        )
        if (seeds == 1).any():
            yield f"Where there is one seed, they are about {alone}."
        return
    yield f"There is one seed, so {level} are about {alone}."


def _tests(study: Study) -> Iterator[str]:
    """How differences were tested, and for what p-values are corrected."""
    rankings = [*study.rankings.overall.values(), *study.rankings.each.values()]
    pairs = [pair for ranking in rankings for pair in ranking.pairs]
    contrasts = [each for each in judge_claims(study) if each.evidence is not None]
    effects = [pair.effect for pair in pairs] + [each.evidence.effect for each in contrasts if each.evidence]
    tested = [effect for effect in effects if effect.tested.error > 0]
    if not tested:
        if effects:
            yield "No difference between encodings was tested, for that takes two seeds of each."
        return
    yield (
        "A difference between encodings is tested by Student's t over runs with Welch's degrees of freedom"
        + (
            ", a mean over tasks with those of Satterthwaite"
            if any(len(e.by_block) > 1 for e in tested)
            else ""
        )
        + "."
    )
    if any(effect.pooled for effect in tested):
        yield (
            "Where the variance between the runs of an encoding on a task is less than that of the runs "
            "beside it (pooled over the encodings on that task, and over all tasks), the test takes the "
            "pooled one."
        )
    if any(pair.least for pair in pairs) or any(each.evidence and each.evidence.least for each in contrasts):
        yield (
            "Of few runs no p is believed that is less than an exchange of runs between the two sides could "
            "give."
        )
    if contrasts:
        yield (
            "Claims are tested against the smallest effect that matters, in both directions and for equality."
        )
    both = [
        (len(contrasts), "contrast", "of the claims"),
        (len(pairs), "pair", "of encodings in all rankings"),
    ]
    families = [f"{count(n, noun)} {of}" for n, noun, of in both if n]
    parts = (
        f" ({CLAIMS_SHARE:.0%} of that rate for the claims)".replace("%", " %")
        if all(n for n, *_ in both)
        else ""
    )
    look = (
        "" if study.alpha == ALPHA else f" Of that rate this look at a growing store has {study.alpha:.2g}."
    )
    yield (
        f"p-values are corrected by Holm's method for {enumerate_words(families)}, so that at most "
        f"{fraction(ALPHA)} of such reports say anything false when nothing differs{parts}.{look}"
    )


def _where_it_ran(done: pd.DataFrame) -> str:
    found = []
    for column, words in _VERSIONS.items():
        values, unknown = known_values(done, column)
        if values:
            found.append(words.format(_listed([*values, *(["an unknown version"] if unknown else [])])))
    ran = f" with {enumerate_words(found)}" if found else ""
    machines = dict.fromkeys(
        sorted(map(_machine, done.to_dict("records")), key=lambda name: (not name, name))
    )
    known = [name or "unknown machines" for name in machines] if any(machines) else []
    place = f" on {enumerate_words(known)}" if known else ""
    return f"{count(len(done), 'run')} took {_duration(done['seconds'].sum())} of training{ran}{place}."


def _duration(seconds: float) -> str:
    """How long runs took together, in a unit that does not make it 0."""
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.1f} hours"
    return count(round(seconds / _MINUTE), "minute") if seconds >= _MINUTE else "less than a minute"


_MINUTE, _HOUR = 60, 3600


def _machine(cell: Mapping[Any, Any]) -> str:
    """The GPU that trained a cell, or else the processor; "" if it is not known."""
    device, processor, architecture = (
        "" if pd.isna(cell[name]) else str(cell[name]) for name in ("device", "cpu", "machine")
    )
    if device not in ("", "cpu"):
        return device
    return processor or (f"unknown processors ({architecture})" if architecture else "")


def _numbers(cells: pd.DataFrame, name: str) -> list[float]:
    """The values of a setting that is a number, in ascending order."""
    return sorted({float(own[name]) for own in cells["settings"] if isinstance(own, Mapping) and name in own})


def _values(cells: pd.DataFrame, name: str) -> str:
    """The values of a setting, the first met first."""
    values: dict[str, Any] = {
        str(settings[name]): None for settings in cells["settings"] if settings and name in settings
    }
    return _listed(values)


def _listed(words: Iterable[str]) -> str:
    return enumerate_words(list(words))
