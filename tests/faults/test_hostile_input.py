"""Random experiments end as cells or as one message: no traceback, and no value that is taken for another."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from posharness.contracts.cell import Budget, ModelSettings, OptimiserSettings, TrainerSettings
from posharness.errors import UserError
from posharness.experiment import load_experiment
from posharness.planning.plan import plan
from posharness.registry.registry import Registry
from tests.faults.amount import amount
from tests.faults.hostile import selection, setting

pytestmark = pytest.mark.faults


def test_random_experiments_are_planned_or_refused_in_one_message(tmp_path: Path) -> None:
    registry = Registry.load()
    sorts = (registry.encodings, registry.attentions, registry.tasks)
    parameters = {name: list(registry.parameters(sort[name])) for sort in sorts for name in sort}
    plugins, tasks = [*registry.encodings, *registry.attentions], list(registry.tasks)
    tables = {
        "model": ModelSettings,
        "budget": Budget,
        "optimiser": OptimiserSettings,
        "trainer": TrainerSettings,
    }
    keys = [f"{table}.{field}" for table, cls in tables.items() for field in cls.model_fields]
    keys += [
        "seeds",
        "title",
        "bodies",
        "plugins",
        "tasks",
        "attention",
        "encoding",
        "task.copy.params.length",
    ]
    planned = 0
    for number in range(amount(10_000, 150)):
        chance = random.Random(number)
        try:
            experiment = load_experiment(
                preset="smoke",
                overrides={
                    "plugins": [selection(chance, plugins, parameters)],
                    "tasks": [selection(chance, tasks, parameters) if chance.random() < 0.4 else "copy"],
                },
                settings=[setting(chance, keys) for _ in range(chance.choice([0, 0, 1, 2]))],
            )
            cells = plan(experiment, registry, tmp_path)
        except UserError:
            continue
        except Exception as error:
            raise AssertionError(f"number {number}: {type(error).__name__}: {str(error)[:300]}") from error
        planned += 1
        for cell in cells:
            assert cell.key
            assert_finite(cell.identity(), number)
    assert planned


def assert_finite(value: Any, number: int) -> None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            assert_finite(item, number)
    assert not isinstance(value, float) or math.isfinite(value), number
