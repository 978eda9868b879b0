"""Reading an experiment: a preset, and laid over it a file, options and single settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from posharness.defaults import DEFAULT_PRESET
from posharness.errors import UserError, did_you_mean
from posharness.experiment.experiment import Experiment
from posharness.experiment.settings import parse_settings
from posharness.experiment.sizes import drop_overridden_sizes, expand_sizes
from posharness.experiment.validation import validate

__all__ = ["load_experiment", "preset_names"]


def preset_names() -> list[str]:
    """The experiments that ship with the program."""
    folder = resources.files("posharness.experiment.presets")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_experiment(
    *,
    preset: str | None = None,
    config: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
) -> Experiment:
    """Read an experiment: a preset, overridden by a file, overridden by options.

    Args:
        preset: the name of a shipped experiment; by default the `preset` of the file, else "quick".
        config: a TOML file, or the name of a shipped experiment.
        overrides: nested like the file; values of None are left out.
        settings: single settings as `KEY=VALUE`, laid over everything else; see `parse_settings`.

    Raises:
        UserError: an unknown preset, a missing or invalid file, an unknown key, or a value of the wrong type.
    """
    stated = _read(config) if config is not None else {}
    base = stated.pop("preset", None)
    if base is not None and not isinstance(base, str):
        raise UserError(f"{config}: preset expects the name of a preset, not {base!r}.")
    validate(expand_sizes(stated, str(config)), str(config))
    given = _without_none(overrides or {})
    raw: dict[str, Any] = {}
    for layer in (*_layers(preset or base or DEFAULT_PRESET), stated, given, *parse_settings(settings)):
        raw = _merge(drop_overridden_sizes(raw, layer), expand_sizes(layer, "the experiment"))
    return validate(raw, "the experiment")


def _layers(preset: str) -> list[dict[str, Any]]:
    """The settings of a shipped experiment, after those of the presets that it extends."""
    own = _read_shipped(preset, "preset")
    base = own.pop("preset", None)
    return [*(_layers(base) if base else []), own]


def _read(config: str | Path) -> dict[str, Any]:
    path = Path(config)
    # A store often has the name of the experiment that fills it.
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
    except RecursionError:
        raise UserError(f"--config {path} is nested too deeply; write tables and lists flat.") from None
    except ValueError as error:  # not TOML, not UTF-8, or a number of more digits than Python reads
        raise UserError(f"--config {path} is not a TOML file: {str(error).rstrip('.')}.") from None


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
