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
from posharness.registry.selection import parse_all
from tests.faults.amount import amount, attempt, within_seconds
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
    for task in ("bert", "bytes"):  # to make a corpus takes seconds, once
        plan(
            load_experiment(preset="smoke", overrides={"plugins": ["rope"], "tasks": [task]}),
            registry,
            tmp_path,
        )
    planned = 0
    for number in range(amount(4000, 150)):
        chance = random.Random(number)
        try:
            with within_seconds(10, number):
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
            assert len(cell.label) < 1000
            assert cell.label.isprintable()
            assert_finite(cell.identity(), number)
    assert planned


def test_random_selections_are_parsed_or_refused() -> None:
    signs = [
        *"[[]],,=||",
        " ",
        "\n",
        "rope",
        "alibi",
        "base",
        "randomised",
        "clip",
        "1",
        "nan",
        "\u202e",
        "é",
    ]
    parsed = 0
    for number in range(amount(2500, 300)):
        chance = random.Random(number)
        text = "".join(chance.choices(signs, k=chance.choice([1, 3, 8, 30, 3000])))
        message, found = attempt(number, parse_all, [text])
        assert len(message) < 20_000
        parsed += not message
        for each in found or []:
            assert each.name
            assert each.name in text
            assert all(value in text for value in each.params.values())
    assert parsed


def assert_finite(value: Any, number: int) -> None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            assert_finite(item, number)
    assert not isinstance(value, float) or math.isfinite(value), number
