"""An experiment: what is compared with what, on what, for how long; read from presets, files and options."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from posharness.contracts.cell import BodyName, Budget, ModelSettings, OptimiserSettings
from posharness.defaults import DEFAULT_PRESET
from posharness.errors import UserError, did_you_mean
from posharness.experiment.sizes import SIZE, drop_overridden_sizes, expand_sizes

__all__ = ["Experiment", "ReadingSettings", "TaskSettings", "load_experiment", "preset_names"]


class TaskSettings(BaseModel):
    """The settings of one task. Those left out keep the experiment's value.

    Attributes:
        params: parameters of the task's constructor, by name.
        bodies: bodies that this task is trained with.
        model: as `[model]`, `size` included.
        budget: as `[budget]`.
        optimiser: as `[optimiser]`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    params: dict[str, Any] = {}
    bodies: list[BodyName] = []
    model: ModelSettings = ModelSettings()
    budget: Budget = Budget()
    optimiser: OptimiserSettings = OptimiserSettings()


class ReadingSettings(BaseModel):
    """The settings of one reading of pretrained models.

    Attributes:
        params: parameters of the reading's constructor, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    params: dict[str, Any] = {}


class Experiment(BaseModel):
    """A whole experiment.

    Attributes:
        title: title of the report.
        plugins: encodings and attentions to compare, written as for `--plugins`.
        tasks: tasks to train on, written as for `--tasks`.
        bodies: bodies that every task is trained with; empty for each task's first one.
        seeds: the number of seeds (0, 1, …), or a list of seeds.
        encoding: the encoding of a run that selects attentions only.
        attention: the attention of a run that selects encodings only; labels leave it out.
        model: settings of the body.
        budget: length of training and tests.
        optimiser: settings of the optimiser.
        task: settings by task, laid over the general ones.
        readings: readings of the trained masked language models, written like tasks; "all" for every one.
        treebank: the text that readings read, unless their own parameters name another.
        reading: settings by reading.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str = "Accuracy by dependency length"
    plugins: list[str] = []
    tasks: list[str] = []
    bodies: list[BodyName] = []
    seeds: int | list[int] = Field(2)
    encoding: str = "absolute"
    attention: str = "softmax"
    model: ModelSettings = ModelSettings()
    budget: Budget = Budget()
    optimiser: OptimiserSettings = OptimiserSettings()
    task: dict[str, TaskSettings] = {}
    readings: list[str] = []
    treebank: str = ""
    reading: dict[str, ReadingSettings] = {}

    @field_validator("seeds")
    @classmethod
    def _some_seed(cls, seeds: int | list[int]) -> int | list[int]:
        if seeds in (0, []) or min([seeds] if isinstance(seeds, int) else seeds) < 0:
            raise ValueError("should be at least one seed, none below 0")
        return seeds

    @property
    def seed_list(self) -> list[int]:
        """The seeds, in order, each once."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(dict.fromkeys(self.seeds))

    def settings(self, task: str) -> tuple[TaskSettings, ModelSettings, Budget, OptimiserSettings]:
        """The settings of a task, with its own laid over the general ones."""
        own = self.task.get(task, TaskSettings())
        return (
            own,
            self.model.model_copy(update=own.model.model_dump(exclude_unset=True)),
            self.budget.model_copy(update=own.budget.model_dump(exclude_unset=True)),
            self.optimiser.model_copy(update=own.optimiser.model_dump(exclude_unset=True)),
        )


_BY_NAME: Mapping[str, type[BaseModel]] = {"task": TaskSettings, "reading": ReadingSettings}
"""Settings that stand under a plugin's name."""


def preset_names() -> list[str]:
    """The experiments that ship with the program."""
    folder = resources.files("posharness.experiment.presets")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_experiment(
    *, preset: str | None = None, config: str | Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Experiment:
    """A preset, a file laid over it, and options laid over both.

    Args:
        preset: name of a shipped experiment; by default the one the file names under `preset`, else "quick".
        config: a TOML file, or the name of a shipped experiment.
        overrides: nested like the file; values of None are left out.

    Raises:
        UserError: no such preset or file, no TOML, an unknown key, or a value of the wrong type.
    """
    stated = _read(config) if config is not None else {}
    base = stated.pop("preset", None)
    if base is not None and not isinstance(base, str):
        raise UserError(f"{config}: preset expects the name of a preset, not {base!r}.")
    _validate(expand_sizes(stated, str(config)), str(config))
    raw: dict[str, Any] = {}
    for layer in (*_layers(preset or base or DEFAULT_PRESET), stated, _without_none(overrides or {})):
        raw = _merge(drop_overridden_sizes(raw, layer), expand_sizes(layer, "the experiment"))
    return _validate(raw, "the experiment")


def _layers(preset: str) -> list[dict[str, Any]]:
    """A shipped experiment after the one that it is laid over, and so on."""
    own = _read_shipped(preset, "preset")
    base = own.pop("preset", None)
    return [*(_layers(base) if base else []), own]


def _read(config: str | Path) -> dict[str, Any]:
    path = Path(config)
    # A store is often called like the experiment that fills it.
    store = path.is_dir() and str(config) in preset_names()
    if store or (path.suffix != ".toml" and not path.exists()):
        return _read_shipped(str(config), "experiment")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"--config {path} cannot be read ({error.strerror}); give a TOML file or one of "
            f"{', '.join(preset_names())}."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"--config {path} is no TOML file: {error}.") from None


def _read_shipped(name: str, kind: str) -> dict[str, Any]:
    if name not in preset_names():
        raise UserError(f"Unknown {kind} {name!r}; {did_you_mean(name, preset_names())}")
    return tomllib.loads(
        (resources.files("posharness.experiment.presets") / f"{name}.toml").read_text(encoding="utf-8")
    )


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = (
            _merge(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
        )
    return merged


def _without_none(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in layer.items()
        if value is not None
    }


def _validate(raw: Mapping[str, Any], source: str) -> Experiment:
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"{source}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    # A union adds the name of the member that was tried; only real keys help the reader.
    where = ".".join(str(part) for part in first["loc"] if str(part) not in ("int", "list[int]"))
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}; {did_you_mean(str(first['loc'][-1]), _keys(first['loc'][:-1]))}"
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
