"""What is asked of a task: batches of honest shapes, from its generator alone, with true distances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from posharness.conformance.finding import Check
from posharness.conformance.randomness import drawn_since, global_states
from posharness.conformance.slot_checks import well_named
from posharness.contracts import Batch, Body, Split, Task
from posharness.contracts.cell import Choice
from posharness.registry.registry import Registry
from posharness.seeds import generator

__all__ = ["TASK_CHECKS", "Posed", "misshapen", "posed"]

_SEQUENCES = 23

_BLIND = 0.02
"""The largest difference of blind accuracy and chance in a task whose dependency lengths are plotted."""

_FLAGS, _WHOLE, _SHARES = (torch.bool,), (torch.int64, torch.int32), (torch.float32, torch.float64)


@dataclass(frozen=True)
class Posed:
    """A task to be checked, built for one body.

    Attributes:
        cache: where it prepares its data.
    """

    registry: Registry
    choice: Choice
    body: Body
    cache: Path

    @cached_property
    def task(self) -> Task:
        """The task, prepared."""
        task = self.registry.task(self.choice, self.body)
        task.prepare(self.cache)
        return task

    def batch(
        self, *, split: Split = "train", length: int | None = None, draw: int = 0, n: int = _SEQUENCES
    ) -> Batch:
        """A batch; the same `draw` is the same state of the generator."""
        return self.task.sample(generator("conformance", "task", draw), n, length or self.task.length, split)

    @cached_property
    def batches(self) -> Mapping[str, Batch]:
        """A batch of each split and length, by a name for messages."""
        task = self.task
        lengths = sorted({task.length, *task.evaluation_lengths})
        found = {
            f"{split}, {task.length} tokens": self.batch(split=split) for split in ("train", "validation")
        }
        return found | {f"test, {n} tokens": self.batch(split="test", length=n) for n in lengths}


def posed(registry: Registry, choice: Choice, bodies: tuple[Body, ...], cache: Path) -> dict[str, Posed]:
    """The task in each body that it declares."""
    return {body: Posed(registry, choice, body, cache) for body in bodies}


def builds(posed: Posed) -> str:
    """It is built and prepared, and then knows its vocabulary, objectives, lengths and names."""
    task = posed.task
    if posed.body not in get_args(Body):
        return f"bodies names {posed.body!r}: expected {', '.join(get_args(Body))}"
    if task.vocabulary < 1:
        return f"its vocabulary has {task.vocabulary} token ids once it is prepared"
    if not task.objectives:
        return "it has no objectives"
    named = {"token_names": (task.token_names, task.vocabulary)}
    named |= {"segment_names": (task.segment_names, task.segments)}
    for objective in task.objectives:
        named[f"class_names of {objective.name!r}"] = (objective.class_names, objective.classes)
    for what, (names, number) in named.items():
        if names and len(names) != number:
            return f"{what} has {len(names)} names: expected {number}, or none"
    if task.length not in task.evaluation_lengths:
        return f"evaluation_lengths {task.evaluation_lengths} lack the training length, {task.length}"
    if task.distance not in ("dependency", "span"):
        return f"distance is {task.distance!r}: expected 'dependency' or 'span'"
    return well_named(task.name)


def chance(posed: Posed) -> str:
    """Each objective has at least two classes and a chance between 0 and 1."""
    for objective in posed.task.objectives:
        if not 0 <= objective.chance <= 1:
            return f"the chance of {objective.name!r} is {objective.chance}: expected 0 to 1"
        if objective.classes < 2:
            return f"{objective.name!r} has {objective.classes} classes: expected 2 or more"
    return ""


def shapes(posed: Posed) -> str:
    """Every tensor of a batch has the shape and type of the contract, for one sequence too."""
    for where, batch in {**posed.batches, "one sequence": posed.batch(n=1)}.items():
        n = 1 if where == "one sequence" else _SEQUENCES
        length = int(where.split()[-2]) if where != "one sequence" else posed.task.length
        if wrong := misshapen(batch, n, length, posed):
            return f"{where}: {wrong}"
    return ""


def misshapen(batch: Batch, n: int, length: int, posed: Posed) -> str:
    """The first tensor of a batch with another shape or type than the contract's; "" for none."""
    across = posed.body == "encoder-decoder"
    if (batch.memory is not None) != across:
        return f"{'there is no' if across else 'there is a'} memory in a batch for the {posed.body}"
    read = posed.task.decoder_length(length) if across else length
    for field in fields(batch):
        tensor: Tensor | None = getattr(batch, field.name)
        if tensor is None:
            continue
        shape, types = tuple(tensor.shape), _TYPES.get(field.name, _WHOLE)
        if tensor.dtype not in types:
            return f"{field.name} is of type {tensor.dtype}: expected {types[0]}"
        due: tuple[int, ...] = (n, length if field.name.startswith("memory") else read)
        if field.name == "source":
            due = (*due, shape[-1])
        if shape != due:
            return f"{field.name} has shape {shape}: expected {due}"
    return ""


_TYPES: dict[str, tuple[torch.dtype, ...]] = {
    **dict.fromkeys(("scored", "padding", "memory_padding"), _FLAGS),
    **dict.fromkeys(("chance", "blind"), _SHARES),
}
"""Types of the tensors that hold no whole numbers."""


def ranges(posed: Posed) -> str:
    """Ids, targets, objectives, strata and segments are within what the task declares."""
    task = posed.task
    for where, batch in posed.batches.items():
        objective = torch.zeros_like(batch.tokens) if batch.objective is None else batch.objective
        scored = batch.scored
        limits = {
            "tokens": (batch.tokens, 0, task.vocabulary),
            "memory": (batch.memory, 0, task.vocabulary),
            "segments": (batch.segments, 0, max(task.segments, 1)),
            "objective": (objective[scored], 0, len(task.objectives)),
            "stratum": (
                None if batch.stratum is None else batch.stratum[scored],
                -1,
                max(len(task.strata), 1),
            ),
        }
        for name, (tensor, low, high) in limits.items():
            if tensor is not None and (wrong := _outside(tensor, low, high)):
                return f"{where}: {name} {wrong}"
        for index, part in enumerate(task.objectives):
            if wrong := _outside(batch.targets[scored & (objective == index)], 0, part.classes):
                return f"{where}: targets of {part.name!r} {wrong}"
    return ""


def _outside(tensor: Tensor, low: int, high: int) -> str:
    if not tensor.numel() or low <= int(tensor.min()) <= int(tensor.max()) < high:
        return ""
    return f"run from {int(tensor.min())} to {int(tensor.max())}: expected {low} to {high - 1}"


def scored(posed: Posed) -> str:
    """Something is scored in each batch, each objective in training, and no padding."""
    for where, batch in posed.batches.items():
        if not batch.scored.any():
            return f"{where}: nothing is scored"
        if batch.padding is not None and (batch.scored & batch.padding).any():
            return f"{where}: padding is scored"
    batch = posed.batch(n=4 * _SEQUENCES)
    if batch.objective is None:
        never = posed.task.objectives[1:]
    else:
        met = set(batch.objective[batch.scored].tolist())
        never = tuple(o for index, o in enumerate(posed.task.objectives) if index not in met)
    return f"the objective {never[0].name!r} is never scored" if never else ""


def padding(posed: Posed) -> str:
    """Padding is on the right and of one token, and every sequence has a real token."""
    for where, batch in posed.batches.items():
        for name, ids in (("padding", batch.tokens), ("memory_padding", batch.memory)):
            mask: Tensor | None = getattr(batch, name)
            if mask is None:
                continue
            if (mask[:, :-1] & ~mask[:, 1:]).any():
                return f"{where}: {name} is not on the right"
            if mask.all(1).any():
                return f"{where}: all tokens of a sequence are {name}"
            kinds = set() if ids is None else set(ids[mask].tolist())
            if len(kinds) > 1:
                return f"{where}: {name} holds {len(kinds)} token ids: expected one, which tells nothing"
    return ""


def distances(posed: Posed) -> str:
    """Dependency lengths fit into the sequence, and agree with the sources where there are any."""
    for where, batch in posed.batches.items():
        length = batch.tokens.shape[1] if batch.memory is None else batch.memory.shape[1]
        distance = batch.dependency_length[batch.scored]
        if distance.min() < -1:
            return (
                f"{where}: a dependency length of {int(distance.min())}: expected 0 or more, or -1 for none"
            )
        if batch.source is not None and (wrong := _by_source(posed, batch)):
            return f"{where}: {wrong}"
        if distance.max() >= length:
            return f"{where}: a dependency length of {int(distance.max())} in {length} tokens"
    return ""


def _by_source(posed: Posed, batch: Batch) -> str:
    assert batch.source is not None
    read = batch.tokens if batch.memory is None else batch.memory
    source, distance = batch.source[batch.scored], batch.dependency_length[batch.scored]  # m s, m
    position = torch.arange(batch.tokens.shape[1]).expand_as(batch.tokens)[batch.scored][:, None]  # m 1
    real = source >= 0
    if (source >= read.shape[1]).any():
        return "a source is outside its sequence"
    if posed.body == "decoder" and (real & (source > position)).any():
        return "a decoder's prediction has its source in the future"
    if posed.task.distance == "span" or not (known := real.any(1) & (distance >= 0)).any():
        return ""
    farthest = (position - source).abs().where(real, 0).amax(1)
    wrong = known & (farthest != distance)
    if not wrong.any():
        return ""
    first = int(wrong.nonzero()[0, 0])
    return (
        f"a dependency length of {int(distance[first])} whose farthest source is {int(farthest[first])} away"
    )


def rates(posed: Posed) -> str:
    """Chance and blind accuracy are between 0 and 1, and close where a dependency length is measured."""
    for where, batch in posed.batches.items():
        objective = torch.zeros_like(batch.tokens) if batch.objective is None else batch.objective
        stated = torch.tensor([o.chance for o in posed.task.objectives])[objective]
        chance = (stated if batch.chance is None else batch.chance)[batch.scored]
        blind = chance if batch.blind is None else batch.blind[batch.scored]
        for name, rate in (("chance", chance), ("blind", blind)):
            if not ((rate >= 0) & (rate <= 1)).all():
                found = f"{float(rate.min()):.3f} to {float(rate.max()):.3f}"
                return f"{where}: {name} holds {found}: expected 0 to 1"
        if posed.task.distance == "dependency" and (blind > chance + _BLIND).any():
            most = int((blind - chance).argmax())
            return (
                f"{where}: {float(blind[most]):.3f} of the answers are right without the farthest source and "
                f"{float(chance[most]):.3f} by chance: expected at most {_BLIND} more, or distance 'span'"
            )
    return ""


def emitted(posed: Posed) -> str:
    """The emitted token is the token at the next position, where that is scored too."""
    for objective in posed.task.objectives:
        if objective.classes > posed.task.vocabulary:
            return f"{objective.name!r} has {objective.classes} classes, more than there are token ids"
    for where, batch in posed.batches.items():
        both = batch.scored[:, :-1] & batch.scored[:, 1:]
        if (batch.targets[:, :-1] != batch.tokens[:, 1:])[both].any():
            return f"{where}: a target is not the token of the next position, which is scored too"
    return ""


def _emits(posed: Posed) -> str:
    if not posed.task.autoregressive:
        return "it is not autoregressive"
    return "an encoder is not scored free-running" if posed.body == "encoder" else ""


def deterministic(posed: Posed) -> str:
    """The same generator state gives the same batch, also from a task built anew."""
    again = Posed(posed.registry, posed.choice, posed.body, posed.cache)
    for other, what in ((posed, "drawn twice"), (again, "built twice")):
        first, second = posed.batch(), other.batch()
        for field in fields(first):
            one, two = getattr(first, field.name), getattr(second, field.name)
            if (one is None) != (two is None) or (one is not None and not torch.equal(one, two)):
                return f"{what} from the same generator state, {field.name} differs"
    if torch.equal(posed.batch().tokens, posed.batch(draw=1).tokens):
        return "two generator states give the same tokens: it does not draw from the generator"
    return ""


def randomness(posed: Posed) -> str:
    """Sampling draws nothing from a global generator, and all it draws from its own."""
    _ = posed.task
    before = global_states()
    posed.batch()
    return drawn_since(before)


TASK_CHECKS: tuple[Check[Posed], ...] = (
    Check("builds", builds, gate=True),
    Check("chance", chance),
    Check("shapes", shapes, gate=True),
    Check("ranges", ranges),
    Check("scored", scored),
    Check("padding", padding),
    Check("distances", distances),
    Check("blind", rates),
    Check("autoregressive", emitted, _emits),
    Check("deterministic", deterministic),
    Check("no global randomness", randomness),
)
