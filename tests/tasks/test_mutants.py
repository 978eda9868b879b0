"""Each fault that is planted in a task is caught by a check, by its name; a task without one passes all.

Needle runs always; every task with a dependency length, by `pytest -m proofs tests/tasks/test_mutants.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import pytest
import torch

from posharness.conformance import check_task
from posharness.contracts import Change, Task

from . import instrument, mutants
from .blind_predictors import by_distance, mlp, without_source
from .instrument import TASKS, TaskInBody
from .interventions import seeded, tied

MARGIN = 0.03

Check = Callable[[Task, Path], bool]
"""Whether a task does not pass."""


def blind(task: Task, folder: Path) -> bool:
    """A small network reaches more than is declared in last predictions, without their farthest source."""
    found = by_distance(task, partial(without_source, last=True), mlp(400), draws=12_000, length=task.length)
    return found.excess > MARGIN


def moved(task: Task, folder: Path) -> bool:
    """By the hand-written solver, answers do not follow the labelled source, or follow something else."""
    batch = task.sample(seeded(2), 200, task.length, "train")
    for what in get_args(Change):
        changed = task.intervene(batch, seeded(3), what)
        assert changed is not None
        try:
            answers = instrument.solve(task, changed)
        except (AssertionError, LookupError, StopIteration, ValueError):
            return True  # it cannot be read any more
        if not torch.equal(answers[changed.scored], changed.targets[changed.scored]):
            return True
    return False


def padded(task: Task, folder: Path) -> bool:
    """`harness check` finds fault with the padding."""
    findings = check_task(type(task), registry=instrument.registry(), cache=folder)
    return any(finding.check == "padding" and finding.verdict == "fails" for finding in findings)


def bound(task: Task, folder: Path) -> bool:
    """Distances depend on the position at which the prediction is made."""
    batch = task.sample(seeded(0), 6000, task.length, "train")
    return tied(batch.dependency_length[batch.scored], batch.scored.nonzero()[:, 1])


CHECKS: dict[str, Check] = {
    "blind predictor": blind,
    "interventions": moved,
    "padding": padded,
    "position tied to distance": bound,
}

MUTANTS: dict[str, tuple[Callable[[type], type], str]] = {
    "once": (mutants.values_once, "blind predictor"),
    "second": (mutants.second_source, "blind predictor"),
    "near": (mutants.label_too_near, "interventions"),
    "leak": (mutants.leak_in_padding, "padding"),
    "tied": (mutants.position_tied_to_distance, "position tied to distance"),
}

NO_FAULT = {
    ("induction", "once"): "of 16 symbols a sequence holds few, so that one more or less tells little"
}
"""What would be a fault of another task, and why it is none here."""

PROVED = [
    posed
    for posed in TASKS
    if (task := posed.build()).distance == "dependency" and posed.body == type(task).bodies[0]
]
"""Each task in its first body."""


def always(posed: TaskInBody, *more: str) -> object:
    """Needle in the usual run, the others among the proofs."""
    marks = () if str(posed) == "needle-decoder" else pytest.mark.proofs
    return pytest.param(posed, *more, marks=marks, id="-".join([str(posed), *more]))


def of(task: type[Task], posed: TaskInBody) -> Task:
    return task(posed.body, **dict(posed.params))


PLANTED = [
    always(posed, fault) for posed in PROVED for fault in MUTANTS if (posed.name, fault) not in NO_FAULT
]


@pytest.mark.parametrize("posed", [always(posed) for posed in PROVED])
def test_a_task_without_a_fault_passes_all(posed: TaskInBody, tmp_path: Path) -> None:
    task = posed.build()
    assert [name for name, fails in CHECKS.items() if fails(task, tmp_path)] == []


@pytest.mark.parametrize(("posed", "fault"), PLANTED)
def test_a_planted_fault_is_caught_by_name(posed: TaskInBody, fault: str, tmp_path: Path) -> None:
    plant, check = MUTANTS[fault]
    task = of(plant(type(posed.build())), posed)
    assert CHECKS[check](task, tmp_path), check
