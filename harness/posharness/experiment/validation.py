"""Validating an experiment: a mistake in a key or a value becomes one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from posharness.contracts.cell import ModelSettings
from posharness.contracts.plain_values import check_plain
from posharness.errors import UserError, did_you_mean
from posharness.experiment.experiment import Experiment, ReadingSettings, TaskSettings
from posharness.experiment.sizes import SIZE

__all__ = ["validate"]

_BY_NAME: Mapping[str, type[BaseModel]] = {"task": TaskSettings, "reading": ReadingSettings}
"""Settings by a plugin's name."""


def validate(raw: Mapping[str, Any], source: str) -> Experiment:
    """The experiment of raw settings.

    Args:
        source: what an error calls the settings.

    Raises:
        UserError: an unknown key, or a value of the wrong type.
    """
    try:
        check_plain(raw)
    except ValueError as error:
        raise UserError(f"{source[:80]}: {error}; give another value.") from None
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"{source}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    # A union adds the name of the member that was tried; only real keys help the reader.
    where = ".".join(str(part) for part in first["loc"] if str(part) not in ("int", "list[int]"))
    if first["type"] == "extra_forbidden":
        table = where.removesuffix(given := str(first["loc"][-1]))
        return f"unknown key {where!r}; {did_you_mean(given, _keys(first['loc'][:-1]), table)}"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where} {message}; given {first['input']!r}."


def _keys(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Experiment
    for index, part in enumerate(location):
        if named := _BY_NAME.get(str(part)) or (index and _BY_NAME.get(str(location[index - 1]))):
            model = named
        else:
            field = model.model_fields[str(part)].annotation
            if not (isinstance(field, type) and issubclass(field, BaseModel)):
                break
            model = field
    further = {Experiment: ["preset"], ModelSettings: [SIZE]}.get(model, [])
    return [*model.model_fields, *further]
