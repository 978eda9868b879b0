"""Settings to tune: the grid of `--tune`, and an experiment with one point of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from pydantic import BaseModel

from posharness.contracts.cell import Budget, ModelSettings, OptimiserSettings, TrainerSettings
from posharness.errors import UserError, did_you_mean
from posharness.experiment.experiment import Experiment
from posharness.experiment.validation import validate

__all__ = ["TUNE_SEEDS", "Point", "grid_of", "parse_grid", "points", "with_settings"]

Point = Mapping[str, Any]
"""A point of the grid: a value for each tuned setting, by the setting's name."""

TUNE_SEEDS = 2
"""The number of runs of each point, unless another is given."""

_PARTS: Mapping[str, type[BaseModel]] = {
    "model": ModelSettings,
    "budget": Budget,
    "optimiser": OptimiserSettings,
    "trainer": TrainerSettings,
}
_PART_OF = {name: part for part, model in _PARTS.items() for name in model.model_fields}


def parse_grid(texts: Sequence[str]) -> dict[str, list[Any]]:
    """The values to try of each setting.

    Args:
        texts: each `KEY=[VALUE,…]`, where the key is that of an experiment file, such as `optimiser.lr`, or
            its last word: `lr=[.001,.003]`, `schedule=[cosine,constant]`.

    Raises:
        UserError: something else, an unknown setting, or a value of the wrong type.
    """
    grid: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, values = (part.strip() for part in text.partition("="))
        if not (equals and values.startswith("[") and values.endswith("]")):
            raise UserError(f"--tune {text}: expected KEY=[VALUE,…], for example --tune 'lr=[.001,.003]'.")
        grid[key] = [_value(value) for word in values[1:-1].split(",") if (value := word.strip())]
    return grid_of(grid)


def grid_of(values: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The values to try of each setting, by the setting's last word.

    Raises:
        UserError: an unknown setting, one that is given twice, no value, or one of the wrong type.
    """
    grid: dict[str, list[Any]] = {}
    for key, tried in values.items():
        part, _, name = key.rpartition(".")
        if name not in _PART_OF or part not in ("", _PART_OF[name]):
            known = [*_PART_OF, *(f"{of}.{each}" for each, of in _PART_OF.items())]
            raise UserError(
                f"--tune {key}: only settings of the model, the budget, the optimiser and the trainer are "
                f"tuned; {did_you_mean(key, known)}"
            )
        if name in grid:
            raise UserError(f"--tune {key}: {name} is given twice; give all its values at once.")
        if not tried:
            raise UserError(f"--tune {key}: no value is given; give two or more, like {name}=[A,B].")
        for value in tried:
            validate({_PART_OF[name]: {name: value}}, f"--tune {key}")
        grid[name] = list(dict.fromkeys(tried))
    return grid


def points(grid: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Every combination of values."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def with_settings(experiment: Experiment, point: Point) -> Experiment:
    """The experiment with these settings on every task, also where a task has its own."""
    changed = experiment
    for name, value in point.items():
        part = _PART_OF[name]
        general = getattr(changed, part).model_copy(update={name: value})
        tasks = {task: _without(own, part, name) for task, own in changed.task.items()}
        changed = changed.model_copy(update={part: general, "task": tasks})
    return changed


def _without(settings: Any, part: str, name: str) -> Any:
    """The settings of a task without one, which is then the general one."""
    own = getattr(settings, part).model_dump(exclude_unset=True)
    own.pop(name, None)
    return settings.model_copy(update={part: _PARTS[part].model_validate(own)})


def _value(word: str) -> Any:
    """A number or a truth value, or else the word itself."""
    named = {"true": True, "false": False}
    if word.lower() in named:
        return named[word.lower()]
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word
