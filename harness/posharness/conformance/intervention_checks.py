"""What is asked of a task's interventions: new right answers to changed sources, the old ones to the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields

import torch
from jaxtyping import Bool
from torch import Tensor

from posharness.conformance.finding import Check
from posharness.conformance.randomness import drawn_since, global_states
from posharness.conformance.task_checks import Posed, misshapen
from posharness.contracts import Batch, Change, Task
from posharness.contracts.columns import CHANGES
from posharness.seeds import generator

__all__ = ["INTERVENTION_CHECKS"]

_Wrong = Callable[[Posed, Batch, Batch, Change], str]
"""A batch, the same one changed, and what was to be changed -> what is wrong; "" for nothing."""


def _intervenes(posed: Posed) -> str:
    """Why there is nothing to check; a task that measures a dependency length should have interventions."""
    if type(posed.task).intervene is not Task.intervene:
        return ""
    if posed.task.distance == "span":
        return "it has no interventions"
    return "it has no interventions, so nothing will show whether the answers of a model come from the source"


def _changed(posed: Posed, batch: Batch, what: Change) -> Batch | None:
    return posed.task.intervene(batch, generator("conformance", "intervention", what), what)


def _pairs(posed: Posed) -> Iterator[tuple[str, Batch, Batch, Change]]:
    """Each batch and what becomes of it under each change that the task has, with a name for messages."""
    for where, batch in posed.batches.items():
        for what in CHANGES:
            changed = _changed(posed, batch, what)
            if changed is not None:
                yield f"{where}, {what!r}", batch, changed, what


def _each(wrong: _Wrong) -> Callable[[Posed], str]:
    def check(posed: Posed) -> str:
        for where, batch, changed, what in _pairs(posed):
            if why := wrong(posed, batch, changed, what):
                return f"{where}: {why}"
        return ""

    return check


def shapes(posed: Posed, batch: Batch, changed: Batch, what: Change) -> str:
    """The changed batch has the fields, shapes and types of the other, and ids that the task has."""
    for field in fields(batch):
        if (getattr(batch, field.name) is None) != (getattr(changed, field.name) is None):
            return f"{field.name} is in only one of the two batches"
    length = batch.tokens.shape[1] if batch.memory is None else batch.memory.shape[1]
    if why := misshapen(changed, len(batch.tokens), length, posed):
        return why
    for name in ("tokens", "memory"):
        ids: Tensor | None = getattr(changed, name)
        if ids is not None and not 0 <= int(ids.min()) <= int(ids.max()) < posed.task.vocabulary:
            return f"{name} holds ids outside 0 to {posed.task.vocabulary - 1}"
    return ""


def scored(posed: Posed, batch: Batch, changed: Batch, what: Change) -> str:
    """It scores some of the predictions of the other batch, at the same distances."""
    if not changed.scored.any():
        return "nothing is scored"
    if (changed.scored & ~batch.scored).any():
        return "a position is scored that is not scored in the batch"
    if not torch.equal(changed.dependency_length[changed.scored], batch.dependency_length[changed.scored]):
        return "a dependency length differs"
    for name in ("padding", "memory_padding", "objective"):
        one, other = getattr(batch, name), getattr(changed, name)
        if one is not None and not torch.equal(one, other):
            return f"{name} differs"
    return ""


def answers(posed: Posed, batch: Batch, changed: Batch, what: Change) -> str:
    """Every answer is another one where the source was changed, and the same where others were."""
    same = (changed.targets == batch.targets)[changed.scored]
    if what == "source" and same.any():
        return f"{int(same.sum())} of {len(same)} right answers are still the old ones"
    if what == "others" and not same.all():
        return f"{int((~same).sum())} of {len(same)} right answers are others"
    return ""


def places(posed: Posed, batch: Batch, changed: Batch, what: Change) -> str:
    """Only sources are changed, or only what is none; padding never is."""
    read, now = _read(batch), _read(changed)
    differs = read != now
    padding = batch.padding if batch.memory is None else batch.memory_padding
    if padding is not None and (differs & padding).any():
        return "padding is changed"
    if batch.memory is None:
        differs &= ~_emitted(posed, changed, batch.scored)
    elif ((batch.tokens != changed.tokens) & ~_emitted(posed, changed, batch.scored)).any():
        return "the decoder reads something else that is not an answer of its own"
    if what == "others" and not differs.any():
        return "no token is changed"
    if batch.source is None or changed.source is None:
        return ""
    before = _sources(batch, batch.scored, read.shape[1])
    if what == "others":
        return "a source of a prediction is changed" if (differs & before).any() else ""
    allowed = before | _sources(changed, changed.scored, read.shape[1])
    if (differs & ~allowed).any():
        return "a token is changed that is no source of a prediction"
    return _untouched(batch, changed, differs)


def _untouched(batch: Batch, changed: Batch, differs: Bool[Tensor, "b m"]) -> str:
    """Whether a prediction is scored none of whose sources was changed."""
    assert batch.source is not None
    source = batch.source[changed.scored]  # p s
    own = differs[changed.scored.nonzero()[:, 0]]  # p m
    touched = (own.gather(1, source.clamp(min=0)) & (source >= 0)).any(1)
    missed = ~touched & (source >= 0).any(1)
    return "a prediction is scored of which no source is changed" if missed.any() else ""


def _read(batch: Batch) -> Tensor:
    return batch.tokens if batch.memory is None else batch.memory


def _emitted(posed: Posed, changed: Batch, scored: Bool[Tensor, "b n"]) -> Bool[Tensor, "b n"]:
    """Where teacher forcing shows the answer to the position before."""
    shown = torch.zeros_like(scored)
    if posed.task.autoregressive:
        shown[:, 1:] = scored[:, :-1] & (changed.tokens[:, 1:] == changed.targets[:, :-1])
    return shown


def _sources(batch: Batch, which: Bool[Tensor, "b n"], length: int) -> Bool[Tensor, "b m"]:
    """Whether a position is a source of one of these predictions."""
    assert batch.source is not None
    source = batch.source.where(which[..., None] & (batch.source >= 0), length).flatten(1)
    marked = torch.zeros(len(source), length + 1, dtype=torch.bool)
    return marked.scatter_(1, source, True)[:, :length]


def deterministic(posed: Posed) -> str:
    """The same generator state gives the same change, and nothing else is drawn from or written to."""
    batch = posed.batch(split="test")
    kept = {f.name: value.clone() for f in fields(batch) if (value := getattr(batch, f.name)) is not None}
    for what in CHANGES:
        before = global_states()
        first, second = (_changed(posed, batch, what) for _ in range(2))
        if why := drawn_since(before):
            return f"{what!r}: {why}"
        for name, tensor in kept.items():
            if not torch.equal(tensor, getattr(batch, name)):
                return f"{what!r}: it writes into {name} of the batch that it was given"
            if first is not None and not torch.equal(getattr(first, name), getattr(second, name)):
                return f"{what!r}: changed twice from the same generator state, {name} differs"
    return ""


INTERVENTION_CHECKS: tuple[Check[Posed], ...] = (
    Check("intervention deterministic", deterministic, _intervenes),
    Check("intervention shapes", _each(shapes), _intervenes, gate=True),
    Check("intervention scored", _each(scored), _intervenes, gate=True),
    Check("intervention answers", _each(answers), _intervenes),
    Check("intervention places", _each(places), _intervenes),
)
