"""Learned predictors that do not see the farthest source reach no more than a task declares, or chance.

A small network on what is counted runs for every task; transformers, for every task and two lengths, run by
`pytest -m proofs`, and a window for two tasks always. Each planted fault is caught, by the name of a check.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from posharness.conformance import check_task
from posharness.contracts import Task

from . import mutants
from .blind_predictors import Accuracies, by_distance, mlp, transformer, whole, window, without_source
from .instrument import TASKS, TaskInBody, declared_distances, registry
from .interventions import seeded, tied

MARGIN = 0.03
"""The largest excess over what is declared, beside twice its standard error."""

PROVED = [task for task in TASKS if task.build().distance == "dependency"]

SEEN_THROUGH_WINDOWS = [task for task in TASKS if str(task) in ("recall-decoder", "selective_copy-decoder")]


def excess(found: Accuracies) -> float:
    """The most by which a distance exceeds what is declared, beyond chance's own error."""
    return max(found.reached[d] - found.declared[d] - 2 * found.error[d] for d in found.reached)


def check_window(posed: TaskInBody, steps: int, draws: int) -> None:
    task = posed.build()
    distances = sorted(declared_distances(task, task.length))
    reach = distances[(len(distances) - 1) // 2]
    found = by_distance(task, window(reach), transformer(steps), draws=draws, length=task.length)
    assert found.reached.keys() <= {d for d in distances if d > reach}
    assert excess(found) <= MARGIN, (reach, found)


@pytest.mark.parametrize("posed", PROVED, ids=str)
def test_counts_order_place_and_near_tokens_tell_no_more_than_is_declared(posed: TaskInBody) -> None:
    found = by_distance(posed.build(), without_source, mlp(400), draws=12_000, length=posed.build().length)
    assert excess(found) <= MARGIN, found


@pytest.mark.parametrize("posed", SEEN_THROUGH_WINDOWS, ids=str)
def test_a_window_shows_nothing_of_what_is_beyond_it(posed: TaskInBody) -> None:
    check_window(posed, 250, 16_000)


def test_a_transformer_that_sees_the_source_does_learn() -> None:
    (posed,) = [task for task in TASKS if str(task) == "flip_flop-decoder"]
    found = by_distance(posed.build(), whole, transformer(250), draws=16_000, length=posed.build().length)
    assert min(found.reached.values()) > 0.9, found


@pytest.mark.proofs
@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("posed", PROVED, ids=str)
def test_a_transformer_without_the_source_reaches_no_more_than_is_declared(
    posed: TaskInBody, factor: int
) -> None:
    task = posed.build()
    found = by_distance(task, without_source, transformer(), draws=60_000, length=factor * task.length)
    assert excess(found) <= MARGIN, found


@pytest.mark.proofs
@pytest.mark.parametrize("posed", TASKS, ids=str)
def test_no_window_shows_what_is_beyond_it(posed: TaskInBody) -> None:
    check_window(posed, 1500, 60_000)


MUTANTS: list[tuple[Callable[[type], type], str]] = [
    (mutants.values_once, "blind predictor"),
    (mutants.second_source, "blind predictor"),
    (mutants.label_too_near, "blind predictor"),
    (mutants.leak_in_padding, "padding"),
    (mutants.position_tied_to_distance, "position tied to distance"),
]


def failing(of: type[Task], folder: Path) -> set[str]:
    """The names of the proofs that a task in a decoder does not pass."""
    findings = check_task(of, registry=registry(), cache=folder)
    names = {finding.check for finding in findings if finding.verdict == "fails"}
    task = of("decoder")
    found = by_distance(task, without_source, mlp(), draws=20_000, length=task.length)
    if excess(found) > MARGIN:
        names.add("blind predictor")
    batch = task.sample(seeded(0), 6000, task.length, "train")
    if tied(batch.dependency_length[batch.scored], batch.scored.nonzero()[:, 1]):
        names.add("position tied to distance")
    return names


@pytest.mark.parametrize("name", ["needle", "reverse"])
def test_a_task_without_a_fault_passes_all(name: str, tmp_path: Path) -> None:
    assert failing(registry().tasks.find(name), tmp_path) == set()


@pytest.mark.parametrize("name", ["needle", "reverse"])
@pytest.mark.parametrize(("plant", "check"), MUTANTS, ids=["once", "second", "near", "leak", "tied"])
def test_a_planted_fault_is_caught_by_name(
    plant: Callable[[type], type], check: str, name: str, tmp_path: Path
) -> None:
    assert check in failing(plant(registry().tasks.find(name)), tmp_path)
