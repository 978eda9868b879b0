"""Learned predictors that do not see the farthest source reach no more than a task declares, or chance.

Always: a small network on what is counted, for every task in its first body, and a window for one of them.
By `pytest -m proofs tests/tasks/test_blind.py`: the other bodies, and for every task a transformer that does
not see the source, at two lengths, or sees through a window.
"""

from __future__ import annotations

import pytest

from .blind_predictors import by_distance, mlp, transformer, whole, window, without_source
from .instrument import TASKS, TaskInBody, declared_distances

MARGIN = 0.03
"""The largest excess over what is declared, beside twice its standard error."""

PROVED = [task for task in TASKS if task.build().distance == "dependency"]

SEEN_THROUGH_WINDOWS = [task for task in TASKS if str(task) == "recall-decoder"]


def check_window(posed: TaskInBody, steps: int, draws: int) -> None:
    """Whoever sees the nearer half of the distances knows no more than is declared of the farther half."""
    task = posed.build()
    distances = sorted(declared_distances(task, task.length))
    reach = distances[(len(distances) - 1) // 2]
    found = by_distance(task, window(reach), transformer(steps), draws=draws, length=task.length)
    assert found.reached.keys() <= {d for d in distances if d > reach}
    assert found.excess <= MARGIN, (reach, found)


def always_in_the_first_body(posed: TaskInBody) -> object:
    """Tasks with their own parameters and body always, the others among the proofs."""
    usual = not posed.params and posed.body == type(posed.build()).bodies[0]
    marks = () if usual else pytest.mark.proofs
    return pytest.param(posed, marks=marks, id=str(posed))


@pytest.mark.parametrize("posed", [always_in_the_first_body(posed) for posed in PROVED])
def test_counts_order_place_and_near_tokens_tell_no_more_than_is_declared(posed: TaskInBody) -> None:
    found = by_distance(posed.build(), without_source, mlp(250), draws=12_000, length=posed.build().length)
    assert found.excess <= MARGIN, found


@pytest.mark.parametrize("posed", SEEN_THROUGH_WINDOWS, ids=str)
def test_a_window_shows_nothing_of_what_is_beyond_it(posed: TaskInBody) -> None:
    check_window(posed, 300, 16_000)


def test_a_transformer_that_sees_the_source_does_learn() -> None:
    (posed,) = [task for task in TASKS if str(task) == "flip_flop-decoder"]
    task = posed.build()
    found = by_distance(task, whole, transformer(150), draws=6_000, length=task.length)
    assert min(found.reached.values()) > 0.9, found


@pytest.mark.proofs
@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("posed", PROVED, ids=str)
def test_a_transformer_without_the_source_reaches_no_more_than_is_declared(
    posed: TaskInBody, factor: int
) -> None:
    task = posed.build()
    found = by_distance(task, without_source, transformer(600), draws=40_000, length=factor * task.length)
    assert found.excess <= MARGIN, found


@pytest.mark.proofs
@pytest.mark.parametrize("posed", TASKS, ids=str)
def test_no_window_shows_what_is_beyond_it(posed: TaskInBody) -> None:
    check_window(posed, 600, 40_000)
