"""Tools of `test_every_task`: every task and body, hand-written solvers, interventions and baselines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import torch
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from posharness.contracts import Batch, Body, Task
from posharness.contracts.cell import Choice
from posharness.registry.registry import Registry

from .interventions import one_prediction, seeded

__all__ = [
    "FITTED",
    "TASKS",
    "TaskInBody",
    "content_free_accuracies",
    "counts",
    "declared_distances",
    "distances_at",
    "drawn_batches",
    "enough_to_fit",
    "order",
    "rows",
    "shortcut_accuracy",
    "solve",
]

VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "state_tracking": ({"group": "parity"}, {"group": "mod5"}, {"group": "s5"}),
    "dyck": ({}, {"types": 3}),
    "listops": ({}, {"levels": 3}, {"length": 24}),
    "variables": ({}, {"length": 32, "values": 3, "queries": 3}),
}
"""Parameters with which a task is tested; the others are tested with their defaults."""

OF_BODY: dict[tuple[str, Body], tuple[dict[str, Any], ...]] = {
    ("offset_recall", "encoder"): ({"length": 64, "scored": 0.75},),
}
"""Further parameters, for one body alone."""

FITTED = 40_000
"""Number of predictions to fit and to test a shortcut on: with 12,000, two fits differ by up to .017."""


@dataclass(frozen=True)
class TaskInBody:
    """A task with some parameters, in a body."""

    name: str
    body: Body
    params: tuple[tuple[str, Any], ...]

    def build(self) -> Task:
        return self.with_parameters()

    def with_parameters(self, **others: Any) -> Task:
        """The task with other parameters besides."""
        return registry().task(Choice(name=self.name, params=dict(self.params) | others), self.body)

    def __str__(self) -> str:
        parameters = "".join(f"[{key}={value}]" for key, value in self.params)
        return f"{self.name}{parameters}-{self.body}"


@cache
def registry() -> Registry:
    return Registry.load()


def _tasks_in_bodies() -> Iterator[TaskInBody]:
    for name, cls in sorted(registry().tasks.items()):
        if cls.prepare is Task.prepare:  # the others read a corpus
            for body in cls.bodies:
                for params in (*VARIANTS.get(name, ({},)), *OF_BODY.get((name, body), ())):
                    yield TaskInBody(name, body, tuple(params.items()))


TASKS = list(_tasks_in_bodies())


def _task_tests() -> Iterator[ModuleType]:
    """The test modules of single tasks: those with a solver."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path.stem != "test_every_task" and "\ndef solve(" in path.read_text("utf-8"):
            yield import_module(f".{path.stem}", __package__)


def drawn_batches() -> dict[str, Callable[[], SearchStrategy[tuple[Task, Batch, int]]]]:
    """The strategies of every task's own test module that draw parameters, a batch and its seed, by name."""
    return {
        f"{module.__name__.rpartition('.test_')[2]}-{name}": strategy
        for module in _task_tests()
        for name, strategy in vars(module).items()
        if name.startswith("drawn")
    }


@cache
def _solvers() -> dict[type[Task], Callable[..., Any]]:
    """The function `solve` of each task's own test module, by the type of its first parameter."""
    solvers = [module.solve for module in _task_tests()]
    return {get_type_hints(solver)["task"]: solver for solver in solvers}


def solve(task: Task, batch: Batch) -> Tensor:
    """What the hand-written solver of a task answers; −1 or anything where nothing is scored."""
    solver = next(_solvers()[cls] for cls in type(task).__mro__ if cls in _solvers())
    names = list(inspect.signature(solver).parameters)
    if names == ["task", "batch"]:
        answers: Tensor = solver(task, batch)
        return answers
    found = torch.full_like(batch.tokens, -1)
    for row, position in batch.scored.nonzero().tolist():
        given = {"tokens": batch.tokens, "sequence": row, "position": position}
        if "sequence" not in names:
            given["tokens"] = batch.tokens[row]
        found[row, position] = solver(task, **{name: given[name] for name in names[1:]})
    return found


def rows(batch: Batch, chosen: Tensor) -> Batch:
    """Some of a batch's sequences."""
    present = {f.name: value for f in fields(batch) if (value := getattr(batch, f.name)) is not None}
    return replace(batch, **{name: value[chosen] for name, value in present.items()})


def answers_without_the_farthest(task: Task, batch: Batch, generator: torch.Generator) -> Tensor:
    """The share of predictions whose answer some other token at their farthest source changes.

    One prediction of each sequence is looked at. A sequence that its solver cannot read any more has no
    answer, which counts as another one.
    """
    assert batch.source is not None
    position, farthest = one_prediction(batch, generator)
    read = batch.tokens if batch.memory is None else batch.memory
    pool = read.unique()
    changed = torch.zeros(len(read), dtype=torch.bool)
    for row in range(len(read)):
        one = rows(batch, torch.tensor([row]))
        was = int(read[row, farthest[row]])
        for token in pool[pool != was].tolist():
            other = read[row : row + 1].clone()
            other[0, farthest[row]] = token
            asked = replace(one, tokens=other) if batch.memory is None else replace(one, memory=other)
            try:
                answer = int(solve(task, asked)[0, position[row]])
            except (AssertionError, LookupError, StopIteration, ValueError):
                answer = -1
            if answer != int(batch.targets[row, position[row]]):
                changed[row] = True
                break
    return changed.float().mean()


def content_free_accuracies(fit: Batch, test: Batch, vocabulary: int) -> dict[str, float]:
    """What the commonest answer reaches: of all, by position, by the token or the segment at the position."""
    position = torch.arange(fit.tokens.shape[1]).expand(fit.tokens.shape)
    said: dict[str, Callable[[Batch], Tensor | None]] = {
        "constant": lambda b: torch.zeros_like(position[: len(b.tokens)]),
        "position": lambda b: position[: len(b.tokens)],
        "unigram": lambda b: b.tokens,
        "segment": lambda b: b.segments,
    }
    found = {}
    classes = 1 + int(max(b.targets[b.scored].max() for b in (fit, test)))
    for name, of in said.items():
        keys = [key[b.scored] for b in (fit, test) if (key := of(b)) is not None]
        if not keys:
            continue
        counts = torch.zeros(max(vocabulary, fit.tokens.shape[1]), classes)
        counts.index_put_((keys[0], fit.targets[fit.scored]), torch.ones(len(keys[0])), accumulate=True)
        found[name] = float((counts.argmax(1)[keys[1]] == test.targets[test.scored]).float().mean())
    return found


def enough_to_fit(task: Task, generator: torch.Generator) -> Batch:
    """As many training sequences as have `FITTED` predictions, or a few more."""
    each = int(task.sample(seeded(0), 100, task.length, "train").scored.sum(1).min())
    return task.sample(generator, -(-FITTED // each), task.length, "train")


def shortcut_accuracy(task: Task, fit: Batch, test: Batch, view: Callable[[Tensor, int], Tensor]) -> float:
    """What a logistic regression reaches that sees no more than `view` of what is in a prediction's sight.

    The farthest source is out of its sight.

    Args:
        view: (m, n) ids, -1 out of sight, and their number, to (m, f) features; `counts` or `order`. Given
            the tokens, the segments and the memory, each where there are any.
    """
    features, answers = _viewed(task, fit, view)
    unseen, expected = _viewed(task, test, view)
    mean, spread = features.mean(0), features.std(0).clamp(min=1e-3)
    features, unseen = ((x - mean) / spread for x in (features, unseen))
    classes = task.objectives[0].classes
    weight = torch.zeros(features.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=40, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = features @ weight + bias
        value = torch.nn.functional.cross_entropy(logits, answers) + 1e-3 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return float(((unseen @ weight + bias).argmax(1) == expected).float().mean())


def counts(seen: Tensor, vocabulary: int) -> Tensor:
    """How often each token occurs."""
    return torch.stack([(seen == token).sum(1).float() for token in range(vocabulary)], 1)


def order(seen: Tensor, vocabulary: int) -> Tensor:
    """In which order tokens appear: ranks of first occurrences, what does not occur behind all others."""
    n = seen.shape[1]
    first = [torch.where(seen == token, torch.arange(n), n).amin(1) for token in range(vocabulary)]
    return torch.stack(first, 1).argsort(dim=1, stable=True).argsort(1).float()


def _viewed(task: Task, batch: Batch, view: Callable[[Tensor, int], Tensor]) -> tuple[Tensor, Tensor]:
    """Features (m, f) and targets (m) of at most `FITTED` predictions, the first ones."""
    row, position = (x[:FITTED] for x in batch.scored.nonzero(as_tuple=True))
    hidden = (torch.arange(batch.tokens.shape[1]) > position[:, None]) & (task.body != "encoder")
    away = None
    if batch.source is not None:
        source = batch.source[row, position]
        gap = (source - position[:, None]).abs().masked_fill(source < 0, -1)
        away = source.gather(1, gap.argmax(1, keepdim=True))
    tokens = batch.tokens[row].masked_fill(hidden, -1)
    if away is not None and batch.memory is None:
        tokens = tokens.scatter(1, away, -1)
    features = [view(tokens, task.vocabulary)]
    if batch.segments is not None:
        features.append(view(batch.segments[row].masked_fill(hidden, -1), task.segments))
    if batch.memory is not None:
        memory = batch.memory[row]
        features.append(view(memory if away is None else memory.scatter(1, away, -1), task.vocabulary))
    return torch.cat(features, 1), batch.targets[row, position]


def declared_distances(task: Task, length: int) -> list[int]:
    """The dependency lengths that the task declares; offset recall calls them offsets."""
    if hasattr(task, "offsets"):
        return list(task.offsets)
    assert hasattr(task, "distances")
    return list(task.distances(length))


def distances_at(batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
    """Distances and positions of predictions of different sequences: of the first of each, the second, …

    Where sequences have different numbers of predictions: of those at each position.
    """
    counts = batch.scored.sum(1)
    if (counts == counts[0]).all():
        where = batch.scored.nonzero()[:, 1].view(len(counts), -1)
        for position in where.T[..., None]:
            yield batch.dependency_length.gather(1, position)[:, 0], position[:, 0]
    else:
        for column in range(batch.scored.shape[1]):
            scored = batch.scored[:, column]
            distance = batch.dependency_length[scored, column]
            if len(distance):
                yield distance, torch.full_like(distance, column)
