"""Single settings on the command line: `--set KEY=VALUE` for any key of an experiment."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any

from posharness.errors import UserError
from posharness.experiment.sizes import expand_sizes
from posharness.experiment.validation import validate

__all__ = ["parse_settings"]

_BARE = re.compile(r"^([+-]?)\.(?=\d+([eE][+-]?\d+)?$)")
"""The start of a number like .5, which TOML writes 0.5."""


def parse_settings(settings: Sequence[str]) -> list[dict[str, Any]]:
    """Single settings, each nested like an experiment file; later ones are laid over earlier ones.

    Args:
        settings: each `KEY=VALUE`, where the key is dotted as in a file and the value is TOML or plain text:
            `budget.steps=200`, `task.copy.params.length=64`, `seeds=[3,4]`, `model.norm=post`.

    Raises:
        UserError: no "=", an unknown key, or a value of the wrong type.
    """
    layers: list[dict[str, Any]] = []
    for setting in settings:
        source = f"--set {setting}"
        key, equals, value = setting.partition("=")
        if not (equals and key.strip() and value.strip()):
            raise UserError(f"{source}: expected KEY=VALUE, for example --set budget.steps=200.")
        if key.strip() == "preset":
            raise UserError(
                f"{source}: a preset is what settings are laid over; give --preset {value.strip()}."
            )
        number = _BARE.sub(r"\g<1>0.", value.strip())
        layer = _toml(f"{key}={number}") or _toml(f"{key}={json.dumps(value.strip())}")
        if layer is None:
            raise UserError(f"{source}: {key.strip()!r} is no key; write it as in a file, like budget.steps.")
        validate(expand_sizes(layer, source), source)
        layers.append(layer)
    return layers


def _toml(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    except ValueError:  # a whole number of more digits than Python reads
        return None
